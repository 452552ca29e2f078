"""The built-in providers: code that talks to a service, or stands in for one."""
