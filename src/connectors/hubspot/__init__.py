"""HubSpot CRM: contacts, companies, tickets and notes over its v3 API."""
