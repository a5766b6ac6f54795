# Steps 2 and 3 of a verification (FORMAT.md): the control tables and purges, which the acts vouch for, and the catalog.
# Python 3.9 or later, standard library only.
import collections, json, os, re
from records import LOSS, PURGE, act_genesis, catalog_digest, digest_of, read_purge, record, sha256, unhex, word

# Step 2: the control tables; gives the ids of findings that are accepted
def replay(acts, tables, add):
    wanted = {"setting event-size-limit": "1048576", "setting require-signed-acts": "off"}
    required, found, accepted = False, set(), set()
    signed = {row["seq"] for row in tables["act_signature"] if row["organization_id"] == "pgtrail"}
    log, first = tables["log"][:1], [row for row in tables["incarnation"] if row["number"] == "1"]
    fit = [id for id in (row["log_id"] for row in first + log) if acts and act_genesis(id) == unhex(acts[0]["previous_hash"])]
    wanted["incarnation 1"] = ["1", *fit[:1], "install", *[row.get("created_at") or row["opened_at"] for row in log + first][:1], None, None]
    newest = ["1", *(fit + [row["log_id"] for row in first + log])[:1]]
    for act in acts:
        kind, seq, given = act["kind"], act["seq"], act["parameters"]
        if kind == "migrate":
            wanted.update({"setting " + name.replace("_", "-"): word(given[name]) for name in ("roles", "code_checksum", "catalog_checksum", "partition_interval")
                           if word(given.get(name))})
        elif kind == "setting":
            wanted["setting " + word(given.get("name"))] = word(given.get("value"))
        elif kind in ("grant", "revoke") and given.get("right") == "reader" and isinstance(given.get("organization"), str):
            bound = f"binding of {json.dumps([word(given.get('role')), given['organization']])}"
            wanted.update({bound: True}) if kind == "grant" else wanted.pop(bound, None)
        elif kind == "verify" and isinstance(given.get("findings"), list):
            found |= {word(finding.get("id")) for finding in given["findings"] if isinstance(finding, dict)} - {""}
        elif kind == "incarnation":
            number, log_id, reason, checkpoint = (word(given.get(name)) for name in ("number", "log_id", "reason", "checkpoint"))
            if given.get("checkpoint", "") is None and isinstance(given.get("backup"), dict):
                checkpoint = None
            if not re.fullmatch("[0-9]{1,9}", number) or int(number) <= int(newest[0]):
                add("act_altered", f"act {seq} opens incarnation {json.dumps(number, ensure_ascii=False)}, which is not after the one before it",
                    seq=seq, more=f" {log_id} {act['recorded_at']}")
            name = f"incarnation {number}" + (f" by act {seq}" if f"incarnation {number}" in wanted else "")
            newest = [number if re.fullmatch("[0-9]{1,9}", number) else "999999999", log_id]
            wanted[name], wanted["loss of " + name] = [number, log_id, reason, act["recorded_at"], seq, checkpoint], unhex(act["digest"])
        finding = given.get("finding") if isinstance(given.get("finding"), dict) else {}
        if kind in ("accept", "setting", "incarnation", "purge", "release", "retention", "remove_archive", "redact") and required and seq not in signed:
            add("unsigned_act", f"act {seq} ({kind}) is not signed, and the setting require-signed-acts was on", seq=seq, more=" " + act["hash"][2:])
        elif kind == "setting" and given.get("name") == "require-signed-acts":
            required = given.get("value") == "on"
        elif kind == "accept" and word(finding.get("id")) in found:
            accepted.add(word(finding["id"]))
        elif kind == "accept":
            add("act_altered", f"act {seq} accepts a finding that no verification had recorded before: it accepts nothing",
                seq=seq, more=f" {word(given.get('reason'))}")
    there = {**{"setting " + row["name"]: row["value"] for row in tables["setting"]},
             **{f"incarnation {row['number']}": list(row.values()) for row in tables["incarnation"]},
             **{f"binding of {json.dumps([row['role_name'], row['organization_id']])}": True for row in tables["organization_reader"]}}
    for name in {f"loss of incarnation {row['incarnation']}" for row in tables["loss"]} | {name for name in wanted if name.startswith("loss of ")}:
        there[name] = digest_of("pgtrail loss", LOSS, [row for row in tables["loss"] if f"loss of incarnation {row['incarnation']}" == name])
    if log:
        wanted["log"], there["log"] = newest, [log[0]["incarnation"], log[0]["log_id"]]
    for row in tables["act_signature"]:
        if row["organization_id"] != "pgtrail" or not 0 < int(row["seq"]) <= max((int(act["seq"]) for act in acts), default=0):
            there[f"signature of {row['organization_id']} {row['seq']}"] = row
    for name in sorted({*wanted, *there}):
        if wanted.get(name) != there.get(name):
            add("control_altered", f"{name} is not what the acts say", group="object")
    return accepted

# What was purged, by chain and in the order of places, and how many of these places are archived: of the records that their act has the
# digest of, and whose events no act brought back
def check_purges(acts, rows, archives, add):
    purges, recorded, by_act = {}, {act["seq"]: act for act in acts if act["kind"] == "purge"}, collections.defaultdict(list)
    restored, archived = {one.act: one.restored for one in archives.values()}, {one.act for one in archives.values() if not one.removed}
    count = 0
    for row in rows:
        by_act[row["act_seq"]].append(row)
    for seq, act in recorded.items():
        if any(row["restored_seq"] != restored.get(seq) for row in by_act[seq]):
            add("control_altered", f"what is back of the purge of act {seq} is not what the acts say", group="object")
        if digest_of("pgtrail purge", PURGE, by_act[seq]) != unhex(act["digest"]):
            add("control_altered", f"pgtrail.purge of act {seq} is not what the act recorded", group="object")
            del by_act[seq]
        elif restored.get(seq):
            del by_act[seq]
    for row in (row for seq in sorted(by_act, key=int) for row in by_act[seq]):
        chain, ranges, first = (row["organization_id"], row["lane"]), read_purge(row), re.match(r"\{\[(\d{1,16}),", row["ranges"])
        both = sorted([*purges.get(chain, []), *(ranges or [])])
        if row["act_seq"] not in recorded or ranges is None or any(one.last >= other.first for one, other in zip(both, both[1:])):
            add("unauthorized_purge", f"act {row['act_seq']} purged nothing of that", *chain, first and first[1],
                evidence=f"record {row['act_seq']} {sha256(record('pgtrail purge', row, PURGE)).hex()}")
        else:
            purges[chain] = both
            count += sum(one.last - one.first + 1 for one in ranges) if row["act_seq"] in archived else 0
    return purges, count

# Step 3: the catalog
def check_catalog(stored, live, migration, add):
    def changed(words, kind="catalog_changed", more=""):
        add(kind, words, group="object", more=more)
    def subject(line):
        return line.split(" ")[:1 if re.match("(settings|body|kind|table|owner|attributes|type)( |$)", line) else 2]
    expected = {row["object"]: row["definition"] for row in stored}
    if migration and None in map(migration["parameters"].get, ("code_checksum", "catalog_checksum")):
        changed("the newest act of a migration does not say which pgtrail migrated: no pgtrail wrote it", more=" ")
    digest, told = catalog_digest(stored).hex(), migration["digest"][2:] if migration and migration["digest"] else "undefined"
    if digest != told:
        changed("pgtrail.catalog_object is not what the last migration recorded: its digest differs from the act's", more=f" {digest} {told}")
    templates = {kind: expected.pop(kind, None) for kind in ("partition", "detached")}
    for row in live:
        name, there = row["object"], row["definition"].split("\n")
        kind = name.split(" ")[0]
        wanted = templates[kind] if kind in templates else expected.pop(name, None)
        if wanted is None:
            changed(f"{name} does not belong to pgtrail", more=" " + row["definition"])
            continue
        gone = [line for line in dict.fromkeys(wanted.split("\n")) if line not in there]
        added = [line for line in dict.fromkeys(there) if line not in wanted.split("\n") and not re.match("index .*, unique f,", line)]
        for line in gone:
            now = [other for other in added if subject(other) == subject(line)]
            changed(f"{name}: expected: {line}; actual: {now[0]}" if now else f"{name}: missing: {line}",
                    "guard_missing" if line.startswith("trigger ") else "catalog_changed")
        for line in added:
            if subject(line) not in map(subject, gone):
                changed(f"{name}: unexpected: {line}")
    for name in expected:
        changed(f"{name} is missing", "guard_missing" if name.startswith("function ") else "catalog_changed")

# Whether the migrations are those of the pgtrail whose verifier this is, where their files lie beside it
def check_migrations(rows, folder, add):
    texts = {name[:4]: name for name in (os.listdir(folder) if os.path.isdir(folder) else []) if re.fullmatch(r"\d{4}_\w+\.sql", name)}
    for row in sorted(rows, key=lambda row: int(row["number"])):
        name = texts.get(row["number"].zfill(4))
        if name is None:
            continue
        with open(os.path.join(folder, name), "rb") as file:
            if sha256(file.read().replace(b"\r\n", b"\n")).hex() != row["checksum"]:
                add("catalog_changed", f"pgtrail.migration: {name[:-4]} has another checksum than the migration of this pgtrail", group="object")

def purge_proof(one):
    return f"purge {one.first} {one.last} {one.before.hex()} {one.hash.hex()}"
