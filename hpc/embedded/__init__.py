"""The embedded database: a MongoDB-protocol server for one machine, started when it is needed."""
