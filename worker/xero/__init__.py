"""Xero's accounting API: transport, tokens, reading and writing. `client.XeroClient` is the way in."""
