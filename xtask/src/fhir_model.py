"""Reads FHIR AuditEvents, one a line, into an independent model of FHIR R4B and says which do not fit."""

import sys

from fhir.resources.R4B.auditevent import AuditEvent

lines = [line for line in sys.stdin if line.strip()]
for number, line in enumerate(lines, 1):
    event = AuditEvent.parse_raw(line)
    details = [d.valueString for e in event.entity for d in (e.detail or []) if d.type == "leaf-hash"]
    if len(details) != 1:
        sys.exit(f"line {number}: no leaf hash")
    if sum(agent.requestor for agent in event.agent) != 1:
        sys.exit(f"line {number}: not exactly one requestor")
print(f"{len(lines)} AuditEvents fit")
if not lines:
    sys.exit("no AuditEvents")
