# What the verb can do.
rktrace export --help
rktrace export --formats
