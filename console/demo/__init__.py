"""`hourstream demo`: the whole system on embedded parts, with stand-ins for Salesforce and Xero."""
