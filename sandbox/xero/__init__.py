"""A stand-in for a Xero company: identity, login and Accounting API on one port, with a small site to look at."""
