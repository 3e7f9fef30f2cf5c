"""Scan workers: processes that decide one mail at a time, forked warm and killed at the deadline.

    front (asyncio, parses nothing)          nursery (rules and model loaded once)
      pool.Pool ── "spawn" ───────────────────► forks a worker, hands its socket back
          │                                          │
          └── request: wire.Request ────────────► scan loop: triage, edits
              ◄── answer: edit packets + event ──┘

A worker that dies, hangs or runs out of memory costs its one mail a degraded answer (reliability.md D8, amendment 26).
"""
