"""Acknowledgements: our RFC 3834 reply, at most once, never to a robot, a list or a forged sender.

    filter   wish     is written into the mail (`<prefix>Reply`), and an intent, `<token>@<domain>`, is added to its
             token    recipients; both live in the MTA's queue and die with the mail if it is refused after all
    service  lmtp     takes intents from the MTA; answers 250 or 4xx, never 5xx
             gates    judges every gate again, on the mail as it was accepted
             throttle the store: who got what when, under limits; at most once
             compose  one text/plain message out of the snippets
             outgoing SMTP to the MTA, null sender

"When in doubt, do not respond" (RFC 3834): a missing acknowledgement costs a phone call, a loop costs a reputation.
"""
