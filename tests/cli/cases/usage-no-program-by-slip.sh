# A word that is no verb must never start a program, even if one of that name exists.
rktrace true
