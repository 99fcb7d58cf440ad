"""Salesforce's REST API: sessions, queries, collections, descriptions. `client.SalesforceClient` is the way in."""
