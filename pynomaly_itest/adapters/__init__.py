"""How a service is spoken to: one file a kind. Steps, probes and loads ask for operations, and see no path or field.

`base` holds the types, `service` what a run speaks to a service with, the other modules one kind of adapter each,
under the name that `service: {adapter: …}` uses.
"""
