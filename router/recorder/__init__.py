"""One process that writes down what was decided: the journal and the thread store, after the answer (amendment 27).

front:    client.Recorder.record(...)   a bounded queue; full or down, the record is lost and counted, never the mail
process:  process.main()                many mails a transaction, purges by the retention, the only writer
"""
