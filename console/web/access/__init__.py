"""Access: signing in, and who may."""
