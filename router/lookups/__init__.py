"""Everything that has to be waited for, asked for one mail by one process: DNS, databases, the web, Python functions.

    plan.plan_of(ruleset)     what rules of this file can need (made in the nursery, plain values)
    client.LookUps            the front's side: hands a mail over, waits until the deadline, restarts the process
    process                   the process: envelope and header in, answers out
    work.LookingUp            what it does for one mail; the command line does the same in its own process

Workers open no socket: what was found travels to them with the mail (amendment 8).
"""
