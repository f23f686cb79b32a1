"""The conformance kit: what an adapter claims, tried and counted in its simulator."""
