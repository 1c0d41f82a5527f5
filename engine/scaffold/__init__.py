"""First drafts of definitions: what a sample file and a dealer's file say by themselves, as YAML for a person to read.

Never talks to a far side or a database, and never overwrites what somebody wrote.
"""
