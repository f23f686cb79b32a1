"""SuiteCRM: cases, contacts, calls and notes over v4_1 or v8."""
