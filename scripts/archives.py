# Archives (FORMAT.md): what acts archived, restored and removed, and whether the files that stand elsewhere are what they put there.
# Python 3.9 or later, standard library only: what is encrypted with age is not read.
import collections, gzip, hashlib, json, os, zlib
from lifecycle import judge_rules, time
from redactions import judge_groups
from records import (ARCHIVE_KIND, PURGE, TABLES, digest_of, micros, read, read_event, record, sha256, unhex, word)

Archive = collections.namedtuple("Archive", "act name location partition bounds events bytes manifest kinds digest restored removed")

def members(value):
    return value if isinstance(value, dict) else {}

def is_archived(given):
    return word(members(given.get("archive")).get("name")) != ""

# Step 2: by name, with the acts that restored and removed each
def replay_archives(acts, add):
    archives = {}
    def vain(act, words):
        add("act_altered", f"act {act['seq']} {words}", seq=act["seq"], more=" " + act["hash"][2:])
    for act in acts:
        kind, given = act["kind"], act["parameters"]
        one = archives.get(word(given.get("archive")) if not isinstance(given.get("archive"), dict) else "")
        one = one if one and one.act == word(given.get("purge")) else None
        if kind == "migrate" and isinstance(given.get("down"), list) and "0006_archive" in given["down"]:
            archives = {}
        elif kind == "purge" and is_archived(given):
            archive = given["archive"]
            name, bounds = word(archive["name"]), archive.get("bounds")
            if name in archives:
                vain(act, f"purges into the archive {json.dumps(name, ensure_ascii=False)}, which is there already")
                continue
            archives[name] = Archive(act["seq"], name, word(archive.get("location")), word(given.get("partition")),
                                     [endless(word(bound)) for bound in bounds] if isinstance(bounds, list) and len(bounds) == 2 else None,
                                     word(given.get("events")), word(archive.get("bytes")), word(archive.get("manifest")), word(archive.get("kinds")),
                                     unhex(act["digest"]) or b"", None, None)
        elif kind == "restore" and given.get("schema") is None:
            if one and one.restored is None:
                archives[one.name] = one._replace(restored=act["seq"])
            else:
                vain(act, "restores what no archive has: it restores nothing")
        elif kind == "redact" and isinstance(given.get("archive"), dict):
            # It has the name of the old one within: what it became.
            became = given["archive"]
            one, name = archives.get(word(became.get("archive"))), word(became.get("name"))
            if one and one.act == word(became.get("purge")) and one.removed is None and name and name not in archives:
                del archives[one.name]
                archives[name] = one._replace(name=name, location=word(became.get("location")), manifest=word(became.get("manifest")), bytes=word(became.get("bytes")))
            else:
                vain(act, "redacts what no archive has: it changes no archive")
        elif kind == "remove_archive":
            if one and one.removed is None:
                archives[one.name] = one._replace(removed=act["seq"])
            else:
                vain(act, "removes an archive that is not there: it removes nothing")
    return archives

def endless(text):
    return micros(text) if text in ("infinity", "-infinity") else time(text)

def check_archives(archives, tables, older, add):
    if "archive" in older:
        return
    times = collections.defaultdict(list)
    for row in tables["purge"]:
        times[row["act_seq"]] += [micros(row["oldest_occurred_at"]), micros(row["newest_occurred_at"])]
    kinds, there = collections.defaultdict(list), {row["name"]: row for row in tables["archive"]}
    for row in sorted(tables["archive_kind"], key=lambda row: int(row["kind"])):
        kinds[row["act_seq"]].append(row)
    def altered(words):
        add("control_altered", words, group="object")
    for name in sorted({*archives, *there}):
        one, row = archives.get(name), there.get(name)
        if not (one and row and [row[key] for key in ("act_seq", "location", "partition_name", "events", "bytes", "restored_seq", "removed_seq")]
                == [one.act, one.location, one.partition, one.events, one.bytes, one.restored, one.removed]
                and row["manifest"] == "\\x" + one.manifest and one.bounds in (None, [micros(row["since"]), micros(row["until"])])
                and [micros(row["oldest_occurred_at"]), micros(row["newest_occurred_at"])] == [min(times[one.act], default=None), max(times[one.act], default=None)]):
            altered(f"the archive {name} is not what the acts say")
    acts = {one.act: one.kinds for one in archives.values()}
    for act in sorted({*acts, *kinds}, key=int):
        if acts.get(act) != sha256(b"".join(record("pgtrail archive kind", row, ARCHIVE_KIND) for row in kinds[act])).hex():
            altered(f"the kinds of the archive of act {act} are not what the act says")

# Step 7: the files. Gives the names of those that could not be read.
def read_archives(archives, folders, known, ids, entries, add):
    missing = []
    for one in archives.values():
        if one.restored or one.removed:
            continue
        folder = next((path for path in (os.path.join(folder, one.name) for folder in folders) if os.path.exists(os.path.join(path, "manifest.json"))), None)
        if folder is None:
            missing.append(one.name)
            continue
        files = {name: digest_of_file(os.path.join(folder, name)) for name in sorted(os.listdir(folder)) if ".partial-" not in name}
        hashes = None
        if files["manifest.json"] == one.manifest:
            with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as text:
                told = json.load(text)
            lying = {file["name"]: (file["age"] or file["gzip"])["sha256"] for file in told["files"]}
            if {**lying, "manifest.json": one.manifest} == files and told["log_id"] in ids:
                if told["files"][0]["age"]:
                    missing.append(one.name)
                    continue
                hashes = hashes_of(os.path.join(folder, told["files"][0]["name"]), told["columns"], one.digest, entries)
        if hashes is None:
            add("archive_altered", f"the archive {one.name} is not what act {one.act} archived", seq=one.act, group="object",
                evidence=" ".join(["archive", one.name, *(word for file in files.items() for word in file)]))
            continue
        for chain in sorted(known, key=lambda chain: (chain[0], int(chain[1]) & 0xffff)):
            for place in sorted(known[chain], key=lambda place: place.seq):
                hash, is_end = hashes.get((*chain, place.seq), (place.hash, False))
                if hash != place.hash and not is_end:
                    add("rolled_back" if place.back else "altered", "an archived event", *chain, place.seq, None, "head",
                        f"watched archive {one.act} {hash.hex()}")
                    break
    return missing

def digest_of_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            digest.update(part)
    return digest.hexdigest()

def hashes_of(path, columns, digest, entries):
    """The hash at each place, and whether a range ends there; None where the events do not come to the digest, or are not what redactions left."""
    lanes, times, hashes, records = collections.defaultdict(list), {}, {}, []
    try:
        if sorted(columns) != sorted(name for name, _ in TABLES["event"][1:]):
            return None
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            for row in read(path, [(name, "text") for name in columns], lines):
                event, chain = read_event(row), (row["organization_id"], row["lane"])
                if (event is None or event.hash != event.computed or event.version != "1"
                        or any(not more.startswith(" kept ") for _, _, more in judge_groups(chain, event, entries))):
                    return None
                lanes[chain].append((event.seq, event.previous, event.hash))
                now, all = [event.occurred_at, event.recorded_at], times.setdefault(chain, [[], []])
                for of, value, text in zip(all, now, (row["occurred_at"], row["recorded_at"])):
                    of[:] = [min([*of[:1], (value, text)]), max([*of[1:], (value, text)])]
    except (OSError, EOFError, ValueError, zlib.error, KeyError, AttributeError):
        return None
    for chain, events in lanes.items():
        ranges, ends = [], []
        events.sort()
        for seq, previous, hash in events:
            if ranges and seq == ranges[-1][1]:
                if previous != ends[-1]:
                    return None
                ranges[-1][1], ends[-1] = seq + 1, hash
            elif ranges and seq < ranges[-1][1]:
                return None
            else:
                ranges.append([seq, seq + 1])
                ends += [previous, hash]
        last = {end - 1 for _, end in ranges}
        hashes.update({(*chain, seq): (hash, seq in last) for seq, _, hash in events})
        (occurred, recorded), text = times[chain], "{" + ",".join(f"[{first},{end})" for first, end in ranges) + "}"
        values = [*chain, text, "\\x" + b"".join(ends).hex(), str(len(events)), occurred[0][1], occurred[1][1], recorded[0][1], recorded[1][1]]
        records.append(dict(zip((name for name, _ in PURGE), values)))
    return hashes if digest_of("pgtrail purge", PURGE, records) == digest else None

# A removal: whether nothing kept it any longer, where it says so, and whether the holds were those that there were
def check_removal(act, given, archives, newest, rules, setting, held, add):
    problems, limits = judge_rules(act, given, rules, setting) if given.get("expired") is True else ([], None)
    one = archives.get(word(given.get("archive")) if not isinstance(given.get("archive"), dict) else "")
    young = limits and one and one.act == word(given.get("purge")) and any(occurred >= limits[0] for occurred, _ in newest[one.act])
    for what in problems + ["records"] * bool(young) + ["holds"] * held:
        add("unauthorized_purge", f"the removal of act {act['seq']} is not what retention does: {what}", seq=act["seq"], group="object",
            evidence=f"retention {what} {act['hash'][2:]}")
