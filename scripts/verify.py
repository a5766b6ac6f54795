#!/usr/bin/env python3
# Verifies a pgtrail log from a folder of COPY text: a second verifier, which knows FORMAT.md ("What a verifier does") and nothing else of ours.
# Python 3.9 or later, standard library only. That has no Ed25519: checkpoints are taken as they are; `pgtrail checkpoint verify` checks signatures.
import argparse, collections, itertools, json, os, re, struct, sys
sys.dont_write_bytecode = True
from archives import check_archives, check_removal, read_archives, replay_archives
from backup import is_younger, read_backup, read_folder
from controls import check_catalog, check_migrations, check_purges, purge_proof, replay
from lifecycle import check_lifecycle
from redactions import check_redactions, entries_by_group, judge_groups
from records import (ACT, GENESIS, HEAD, Anchor, Known, Purged, act_genesis, check_vectors, digest_of, micros, read_checkpoint, read_events,
                     record, sha256, unhex)

# Findings
class Findings(list):
    def add(self, kind, words, organization=None, lane=None, seq=None, event_id=None, group=None, evidence=None, more=""):
        place, evidence = [organization, lane, None if seq is None else str(seq)], (evidence or words) + more
        id = json.dumps([*place, evidence], ensure_ascii=False, separators=(",", ":"))
        self.append({"id": sha256(id.encode()).hex()[:16], "kind": kind, "organization_id": place[0], "lane": place[1], "seq": place[2],
                     "event_id": event_id, "group": group, "message": words, "evidence": evidence})

# Step 1: the acts
def check_acts(rows, previous, add):
    acts, expected = [], 1
    for act in sorted(rows, key=lambda row: int(row["seq"])):
        seq, known = int(act["seq"]), act["hash_version"] == "1"
        computed = sha256(record("pgtrail act", act, ACT)).hex() if known else ""
        def altered(words):
            add("act_altered", words, seq=seq, more=f" {act['previous_hash']} {act['hash']} {computed}")
        if act["organization_id"] != "pgtrail":
            altered(f"act {seq} does not belong to pgtrail: its organization_id was changed")
            continue
        if seq != expected:
            gap = f"act {expected} is missing" if seq == expected + 1 else f"acts {expected} to {seq - 1} are missing"
            altered(gap if seq > expected else f"act {seq} stands twice")
        elif unhex(act["previous_hash"]) != previous:
            altered(f"act {seq} does not follow the act before it: one of the two was rewritten")
        if not known:
            add("unknown_version", f"version {act['hash_version']}", seq=seq, more=f" {act['previous_hash']} {act['hash']} ")
        elif computed != act["hash"][2:]:
            altered(f"act {seq} ({act['kind']}) was altered: its hash does not fit it")
        previous, expected = unhex(act["hash"]), seq + 1
        given = json.loads(act["parameters"])
        acts.append({**act, "parameters": given if isinstance(given, dict) else {}})
    if not acts:
        add("act_altered", "the act chain is empty: even the act of the installation is missing", evidence="no act")
    return acts

def remembered(acts, heads, add):
    acts = [act for act in acts if act["kind"] == "verify" and act["digest"] and act["parameters"].get("remembered") is not False]
    digest, told = digest_of("pgtrail head", HEAD, heads).hex(), acts[-1]["digest"][2:] if acts else "undefined"
    if digest == told:
        return [Anchor(f"verification {acts[-1]['seq']}", None, 2**31, None, micros(acts[-1]["recorded_at"]), heads)]
    if acts or heads:
        add("act_altered", "pgtrail.verified_head is not what the act says", group="head", evidence=f"verified heads {digest} {told}")
    return []

# Step 4: what anchors know. One whose newest act is gone was made before the log was set `back`.
def judge_anchors(anchors, acts, ids, incarnations, losses, findings):
    known, gone, there = collections.defaultdict(list), collections.Counter(), {int(act["seq"]): act for act in acts}
    opened = [(int(row["number"]), re.match(r"pgtrail/[^/\n]+/(\d+)\n(?:.*\n)*?act (\d+) ", row["checkpoint"] or "")) for row in incarnations]
    for anchor in anchors:
        (seq, hash), back, counting = anchor.act or (0, b""), False, []
        if anchor.log_id not in [None, *ids]:
            if not findings:
                raise ValueError(f"{anchor.name} is of another log")
            findings.add("act_altered", f"{anchor.name} is of log {anchor.log_id}, and this database has log {ids[-1]}: nothing was compared", group="object")
            continue
        act = there.get(seq)
        if seq and not (act and unhex(act["hash"]) == hash):
            back = not act or micros(act["recorded_at"]) > anchor.time
            own = [number for number, made in opened if made and number > anchor.incarnation == int(made[1]) and int(made[2]) >= seq]
            counting = own and [*own, *(number for number, made in opened if made and int(made[1]) > anchor.incarnation)]
            if not back:
                findings.add("act_altered", f"{anchor.name} knew another act", seq=seq, evidence=f"act {seq} {act['hash'][2:]}")
            elif not own:
                findings.add("rolled_back", f"{anchor.name} knew an act that is gone", seq=seq, evidence=f"act {seq} {hash.hex()}")
        lost = collections.defaultdict(list)
        for row in losses:
            if back and int(row["incarnation"]) in counting:
                lost[row["organization_id"], row["lane"]].append((int(row["kept_seq"]), int(row["lost_seq"])))
        for head in anchor.heads:
            chain, seq = (head["organization_id"], head["lane"]), int(head["seq"])
            kept = next((kept for kept, end in lost[chain] if kept < seq <= end), None)
            if kept is None:
                known[chain].append(Known(seq, unhex(head["hash"]), anchor.name, anchor.time, back))
            else:
                gone[chain] = max(gone[chain], seq - kept)
    return known, sum(gone.values())

# Step 6: the chains. `accepted`: the hashes that the next event may be chained to; None where nobody can say.
def judge_chain(chain, events, purges, accepted, known, head, entries, add):
    def found(kind, event, group=None, evidence="", broken=b"", more=""):
        proof = (event.previous + event.hash + event.computed).hex() + (" after " + broken.hex() if broken else "") + more
        add(kind, f"event {event.seq}", *chain, event.seq, event.id, group, f"{evidence or kind + ' ' + (group or 'null')} {proof}")
    altered, missing, at, expected, before, last, purges = [], [], {}, 1, None, None, collections.deque(purges)
    def skip(seq):
        nonlocal accepted, before, last, expected
        while purges and purges[0].first <= seq:
            one = purges.popleft()
            at[one.last] = one
            if one.first > expected:
                missing.append((expected, one.first - 1, last.hash if last else b"", one.before))
            elif accepted is not None and one.before not in accepted and before:
                found("altered", before)
            elif accepted is not None and one.before not in accepted:
                add("unauthorized_purge", "a purge", *chain, one.first, evidence=f"{purge_proof(one)} after {accepted[0].hex()}")
            accepted, before, last, expected = [one.hash], None, one, one.last + 1
    events = sorted(events, key=lambda event: (event.seq, event.occurred_at, event.hash))
    places = [list(group) for _, group in itertools.groupby(events, lambda event: event.seq)]
    for group, after in itertools.zip_longest(places, places[1:]):
        seq = group[0].seq
        skip(seq)
        gap = expected
        if seq > expected:
            accepted = before = None
        main = max(group, key=lambda event: (event.hash == event.computed, accepted is None or event.previous in accepted,
                                             bool(after) and (after[0].seq, after[0].previous) == (seq + 1, event.hash)))
        for event in group:
            if event is not main or seq < expected:
                found("inserted" if event.computed != event.hash or seq < expected else "duplicated" if event.hash == main.hash else
                      "forked" if event.previous == main.previous else "overlapping", event)
        if seq < expected:
            continue
        if seq > gap:
            missing.append((gap, seq - 1, last.hash if last else b"", main.previous))
        for kind, group, more in judge_groups(chain, main, entries):
            found(kind, main, group, more=more)
        sound, is_broken = main.version == "1" and main.computed == main.hash, accepted is not None and main.previous not in accepted
        broken = accepted[0] if is_broken and accepted else b""
        if main.version != "1":
            found("unknown_version", main, broken=broken)
        elif not sound:
            altered.append((main, broken))
        elif is_broken:
            found("altered", before or main)
        accepted, before = ([main.hash], main) if sound else (None, None)
        at[seq], expected, last = main, seq + 1, main
    skip(float("inf"))
    judge_end(chain, len(events), expected - 1, last, last and last is before, at, known, head, found, add)
    open_places = itertools.chain((event.seq for event, _ in altered[:64]), *(range(gap[0], gap[1] + 1) for gap in missing))
    open_places = list(itertools.islice(open_places, 256))
    for number, (event, broken) in enumerate(altered):
        def fits(seq):
            return seq != event.seq and sha256(event.record[:event.at] + struct.pack(">q", seq) + event.record[event.at + 8:]) == event.hash
        home = next(filter(fits, open_places), None) if number < 64 else None
        found("altered" if home is None else "reordered", event, broken=broken)
        missing = [gap for gap in missing if gap[:2] != (home, home)]
    for first, end, left, right in missing:
        add("missing", f"events {first} to {end}", *chain, first, evidence=f"gap {first} {end} {left.hex()} {right.hex()}")

def judge_end(chain, count, end, last, sound, at, known, head, found, add):
    (seq, hash), purged = head, isinstance(last, Purged)
    newest, after = max([head, *((one.seq, one.hash) for one in known if not one.back)], key=lambda place: place[0])
    if not count and not end and newest > 0:
        add("vanished", f"lane {chain[1]}, {newest} events", *chain, evidence=f"vanished {newest} {after.hex()}")
    elif end < newest:
        left = last.hash.hex() if last else ""
        add("truncated", f"events {end + 1} to {newest}", *chain, end + 1, evidence=f"gap {end + 1} {newest} {left} {after.hex()}")
    if last and end > seq:
        add("unauthorized_purge" if purged else "inserted", f"events {seq + 1} to {end}", *chain, seq + 1,
            last.id if end == seq + 1 and not purged else None, "head",
            f"after head {seq} {hash.hex()} {end} {last.hash.hex()}")
    if purged and end == seq and last.hash != hash:
        add("unauthorized_purge", "the head", *chain, end, None, "head", f"head {purge_proof(last)}")
    if sound and end == seq and last.hash != hash:
        found("altered", last, "head", "head")
    for one in sorted(known, key=lambda one: one.seq):
        row = at.get(one.seq)
        if isinstance(row, Purged) and row.hash != one.hash:
            add("rolled_back" if one.back else "unauthorized_purge", "a purge", *chain, one.seq, None, "head", f"watched {purge_proof(row)}")
            return
        if row and row.hash != one.hash:
            found("rolled_back" if one.back and row.recorded_at > one.time else "altered", row._replace(id=None), "head", "watched")
            return
    lost, hash = max(((one.seq, one.hash) for one in known[::-1] if one.back), default=(0, b""), key=lambda place: place[0])
    if lost > end:
        add("rolled_back", f"events {end + 1} to {lost} are gone", *chain, end + 1, evidence=f"lost {end + 1} {lost} {hash.hex()}")

def verify(folder, checkpoints, strict, archive_folders=None, backup=False):
    findings, vanished = Findings(), collections.defaultdict(list)
    add = findings.add
    tables, older, manifest = read_backup(folder, add) if backup else (*read_folder(folder), None)
    if tables is None:  # a file of a backup cannot be read: nothing can be said of the log in it
        return {"verdict": "tampered", "covered": None, "findings": findings, "accepted": []}
    tables["log"].sort(key=lambda row: micros(row["created_at"]))
    tables["incarnation"].sort(key=lambda row: int(row["number"]))
    if len(tables["log"]) != 1:
        add("act_altered", f"pgtrail.log has {len(tables['log'])} rows instead of one: the identity of the log is lost", group="object",
            more=" " + " ".join(row["log_id"] for row in tables["log"]))
    ids = [row["log_id"] for row in tables["incarnation"] or tables["log"][:1]]
    acts = check_acts(tables["act"], ids and act_genesis(ids[0]), add)
    accepted = replay(acts, tables, add)
    archives = replay_archives(acts, add)
    tables["purge"] = [{"restored_seq": None, **row} for row in tables["purge"]]
    purges, archived = check_purges(acts, tables["purge"], archives, add)
    check_lifecycle(acts, tables, older, lambda *seen: check_removal(seen[0], seen[1], archives, *seen[2:], add), add)
    check_archives(archives, tables, older, add)
    check_redactions(acts, tables, older, add)
    entries = entries_by_group(tables["redaction_entry"])
    migrations = [act for act in acts if act["kind"] == "migrate"]
    check_catalog(tables["catalog_object"], tables["catalog"], migrations and migrations[-1], add)
    check_migrations(tables["migration"], os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sql", "migrations"), add)
    usable = [one for one in checkpoints if manifest is None or not is_younger(one, manifest)]
    unseen = bool(checkpoints) and not usable  # what was asked for could not be looked at
    anchors = usable + remembered(acts, tables["verified_head"], add)
    known, lost = judge_anchors(anchors, acts, ids, tables["incarnation"], tables["loss"], findings)
    chains, organizations, count = read_events(tables["event"], tables["partition"], add)
    heads = collections.defaultdict(dict)
    for row in tables["chain_head"]:
        heads[row["organization_id"], row["lane"]][int(row["seq"])] = unhex(row["hash"])
    for chain in sorted({*heads, *known, *chains, *purges}, key=lambda chain: (chain[0], int(chain[1]) & 0xffff)):
        place = dict(zip(("organization_id", "lane"), chain))
        genesis = [sha256(record("pgtrail genesis", {"log_id": id, **place}, GENESIS)) for id in ids[-1:] + ids]
        if chain in heads and heads[chain].get(0) not in genesis:
            add("altered", "the genesis", *chain, 0, None, "head", f"genesis {heads[chain][0].hex() if 0 in heads[chain] else 'null'}")
        before = len(findings)
        judge_chain(chain, chains.get(chain, []), purges.get(chain, []), genesis, known.get(chain, []), max(heads.get(chain, {0: b""}).items()), entries, add)
        if findings[before:] and findings[before]["kind"] == "vanished":
            vanished[chain[0]].append(findings[before])
    for organization, lanes in vanished.items():
        if len(lanes) > 1 and organization not in organizations:
            findings[:] = [finding for finding in findings if finding not in lanes]
            add("vanished", "all lanes", organization, evidence=" ".join(finding["evidence"] for finding in lanes))
    missing = [] if archive_folders is None else read_archives(archives, archive_folders, known, ids, entries, add)
    counting = [finding for finding in findings if strict or finding["id"] not in accepted]
    kinds = {finding["kind"] for finding in counting}
    worst = "tampered" if kinds - {"rolled_back", "unknown_version"} else "rolled_back" if "rolled_back" in kinds else "incomplete"
    gone = sum(one.last - one.first + 1 for ranges in purges.values() for one in ranges)
    covered = {"chains": str(len({*heads, *known, *chains, *purges})), "events": str(count), "purged": str(gone - archived), "archived": str(archived), "lost": str(lost)}
    return {"verdict": worst if kinds or missing or unseen or not count + gone else "intact", "covered": covered, "findings": counting,
            "accepted": [finding for finding in findings if finding not in counting]}

def main():
    parser = argparse.ArgumentParser(description="Verifies a pgtrail log from a folder of COPY text. Exit codes are those of pgtrail verify.")
    parser.add_argument("folder", nargs="?", default=".", help="has the files that FORMAT.md tells to make")
    parser.add_argument("--checkpoint", action="append", default=[], metavar="FILE", help="compare it; its signature is not checked")
    parser.add_argument("--archive", action="append", metavar="FOLDER", help="read the archives that lie there")
    parser.add_argument("--backup", action="store_true", help="the folder is a backup of a whole log")
    parser.add_argument("--strict", action="store_true", help="findings that were accepted count as well")
    parser.add_argument("--vectors", metavar="FILE", help="check the encodings against test/vectors/format.json instead")
    options = parser.parse_args()
    report = check_vectors(options.vectors) if options.vectors else verify(
        options.folder, [read_checkpoint(path) for path in options.checkpoint], options.strict, options.archive, options.backup)
    print(json.dumps(report, ensure_ascii=False))
    return {"intact": 0, "tampered": 1, "rolled_back": 1, "incomplete": 4}[report["verdict"]]

if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception as error:  # a folder that cannot be read is no verdict, whoever made it so
        print(f"verify.py: {type(error).__name__}: {error}; nothing was verified", file=sys.stderr)
        sys.exit(3)
