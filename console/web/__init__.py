"""The web console: pages rendered here, kept live by Server-Sent Events. `serve` runs it, `app` puts it together."""
