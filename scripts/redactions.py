# Redactions (FORMAT.md): their entries, which the newest act vouches for, and what they say of each event; rules of subjects and restrictions.
# Python 3.9 or later, standard library only.
import collections, json, re
from records import CONTENT, IDENTITY, TABLES, elements, fields, record, sha256, unhex, word

ENTRY, BLOCK = TABLES["redaction_entry"], TABLES["redaction"]
RESTRICTION = fields("salt:uuid organization_id kind value")
GROUPS = {"identity": dict(IDENTITY[1:]), "content": dict(CONTENT[1:])}
OLDER = ("redaction_entry", "redaction", "subject_rule", "subject_restriction")

def entry_record(row):
    return record("pgtrail redaction entry", row, ENTRY)

def in_order(row):
    return (int(row["seq"]), row["group_name"].encode(), int(row["number"]))

def entries_by_group(rows):
    """By organization, lane, seq and group, in the order of number."""
    entries = collections.defaultdict(list)
    for row in sorted(rows, key=in_order):
        entries[row["organization_id"], row["lane"], int(row["seq"]), row["group_name"]].append(row)
    return entries

# Step 2
def check_redactions(acts, tables, older, add):
    rules, restrictions, newest = {}, {}, None
    def altered(words, *place):
        add("control_altered", words, *place, group="object")
    def text(value):
        return value if isinstance(value, str) else None
    for act in acts:
        kind, seq, given = act["kind"], act["seq"], act["parameters"]
        if kind == "migrate" and isinstance(given.get("down"), list) and "0007_people" in given["down"]:
            rules, restrictions, newest = {}, {}, None
        elif kind == "redact":
            newest = unhex(act["digest"])
        elif kind == "restrict":
            restrictions[seq] = unhex(act["digest"])
        elif kind == "unrestrict":
            restrictions.pop(word(given.get("restriction")), None)
        elif kind == "subject_rule" and given.get("step") == "add":
            path = given.get("path")
            rules[seq] = [seq, *(text(given.get(key)) for key in ("kind", "event_type", "resource_type")),
                          path if isinstance(path, list) else None, *(text(given.get(key)) for key in ("classification", "tag")), None]
        elif kind == "subject_rule" and given.get("step") == "remove":
            rule = rules.get(word(given.get("rule")))
            if rule and rule[-1] is None:
                rule[-1] = seq
    if older & set(OLDER):
        return
    there = {row["act_seq"]: [row[name] if name != "path" or row[name] is None else elements(row[name]) for name in row] for row in tables["subject_rule"]}
    for seq in sorted({*rules, *there}, key=int):
        if rules.get(seq) != there.get(seq):
            altered(f"the rule of act {seq} is not what the acts say")
    restricted = collections.defaultdict(list)
    for row in sorted(tables["subject_restriction"], key=lambda row: int(row["number"])):
        restricted[row["act_seq"]].append(row)
    for seq in sorted({*restrictions, *restricted}, key=int):
        if restrictions.get(seq) != sha256(b"".join(record("pgtrail restriction", row, RESTRICTION) for row in restricted[seq])):
            altered(f"the restriction of act {seq} is not what the acts say")
    rows = sorted(tables["redaction"], key=lambda row: (row["organization_id"].encode(), int(row["lane"]), int(row["block"])))
    if sha256(b"".join(record("pgtrail redaction", row, BLOCK) for row in rows)) != (newest or sha256(b"")):
        altered("pgtrail.redaction is not what the newest act of a redaction says")
    told, found = {}, collections.defaultdict(list)
    for row in rows:
        told[row["organization_id"], row["lane"], int(row["block"])] = (int(row["entries"]), unhex(row["digest"]))
    for row in sorted(tables["redaction_entry"], key=in_order):
        found[row["organization_id"], row["lane"], int(row["seq"]) // 65536].append(entry_record(row))
    for block in sorted({*told, *found}, key=lambda block: (block[0], int(block[1]), block[2])):
        entries = found.get(block, [])
        if not entries or told.get(block) != (len(entries), sha256(b"".join(entries))):
            altered("the entries of redactions are not what pgtrail.redaction says", *block[:2], max(block[2] * 65536, 1))

# Step 6, rule 4: kind, group and evidence of the first thing that is wrong with a group of an event
def judge_groups(chain, event, entries):
    for group, stored, present, row in event.groups:
        of = entries.get((*chain, event.seq, group), [])
        if stored is None and not of:
            continue
        elif not of:
            yield "unauthorized_redaction", group, ""
        elif stored is None:
            yield "unauthorized_redaction", group, " undone"
        elif ([int(one["number"]) for one in of] != list(range(1, len(of) + 1))
              or [unhex(one["old_digest"]) for one in of] != [stored, *(unhex(one["new_digest"]) for one in of[:-1])]):
            yield "unauthorized_redaction", group, " entries " + sha256(b"".join(map(entry_record, of))).hex()
        elif unhex(of[-1]["new_digest"]) != present:
            yield "altered", group, " values " + present.hex()
        elif not all(is_replaced(row, group, field, documents) for documents in [{}] for one in of for field in elements(one["fields"])):
            yield "unauthorized_redaction", group, " kept " + present.hex()

def is_marked(text):
    return text == "[erased]" or len(text) <= 2100 and bool(re.fullmatch("p1:[hte]:[a-z0-9-]{1,32}:[A-Za-z0-9_-]{16,}", text))

def is_replaced(row, group, field, documents):
    """`documents`: what was read of this row's before: one may have thousands of fields."""
    column, *steps = (field or "").split(".")
    kind = GROUPS[group].get(column)
    if kind is None or steps and kind not in ("jsonb", "text[]") or not all(re.fullmatch("[0-9]{1,9}", step) for step in steps):
        return False
    value = row[column]
    if value is None:
        return True
    if kind == "text[]":
        marked = [one is None or is_marked(one) for one in elements(value)]
        return any(marked) if not steps else len(steps) == 1 and int(steps[0]) < len(marked) and marked[int(steps[0])]
    if kind != "jsonb":
        return is_marked(value)
    # Members in the order of the text, and of equal names each: a document has none.
    if column not in documents:
        documents[column] = json.loads(value, object_pairs_hook=lambda pairs: [value for _, value in pairs])
    there = documents[column]
    for step in [*steps, None]:
        if there is None or isinstance(there, str) and is_marked(there):
            return True
        if step is None or not isinstance(there, list) or int(step) >= len(there):
            return False
        there = there[int(step)]
