"""Identity: what deciding who is who needs beyond SQL.

What belongs here: functions of libraries that the models call, and the training of probable links. What does not: a rule that
decides who is the same person (``models/intermediate/identity`` and ``seeds/identity``). Who may call it: dbt and the command line.
"""
