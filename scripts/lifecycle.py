# Step 2 of a verification (FORMAT.md), continued: rules of retention, holds, detached partitions, and what retention purged by them.
# Python 3.9 or later, standard library only.
import collections, re
from records import HELD, HOLD, fields, micros, record, sha256, unhex, word

DAY = 86_400_000_000
STANDARD = ["0", "policy", "standard", None, None, None, None, "2555", None, "-infinity", "infinity", None]
ACT_SEQ, KIND, NAME, ORGANIZATION, TAG, KEEP, FROM, UNTIL, ENDED = 0, 1, 2, 3, 6, 7, 9, 10, 11

def text(value):
    return value if isinstance(value, str) else None

def days(value):
    return word(value) if re.fullmatch("[1-9][0-9]{0,4}", word(value)) else None

def time(value):
    pattern = r"[0-9]{4,6}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
    return micros(word(value)) if re.fullmatch(pattern, word(value)) else None

# Rules: lists of the values of pgtrail.retention_rule, as text

def set_rule(rules, act, given):
    kind, name, keep = given.get("rule"), text(given.get("name")), days(given.get("keep"))
    if kind not in ("policy", "floor") or name is None or keep is None and given.get("keep", 0) is not None:
        return
    start = "-infinity" if given.get("confirmed") is True else act["recorded_at"]
    for rule in rules:
        if rule[KIND:ORGANIZATION] == [kind, name] and (rule[ENDED] is None or given.get("confirmed") is True):
            rule[UNTIL], rule[ENDED] = start, rule[ENDED] or act["seq"]
    if keep:
        rules.append([act["seq"], kind, name, *(text(given.get(key)) for key in ("organization", "classification", "type", "tag")), keep,
                      days(given.get("archive_after")), start, "infinity", None])

def in_force(rules, kind, since, until):
    return [rule for rule in rules if rule[KIND] == kind and micros(rule[FROM]) <= since and until < micros(rule[UNTIL])]

def least_days(rules, own, floor, since, at):
    present = [rule[ACT_SEQ] for rule in in_force(rules, "policy", at, at)]
    least = 0
    for moment in [since, at, *(start for start in (micros(rule[FROM]) for rule in rules) if since < start <= at)]:
        policies = in_force(rules, "policy", moment, moment)
        same = [rule for rule in policies if rule[NAME:TAG] == own[NAME:TAG]]
        others = [int(rule[KEEP]) for rule in policies if rule[ACT_SEQ] not in present and rule not in same]
        floors = [int(rule[KEEP]) for rule in in_force(rules, "floor", moment, moment) if floor and rule[TAG] == floor[TAG]]
        least = max([least, *floors, min([max(int(rule[KEEP]) for rule in same), *others]) if same else 0])
    return least

# What is wrong with a purge by retention, and the times before which its events occurred and were recorded
def judge_rules(act, given, rules, setting):
    at, entries = time(given.get("at")), given["policies"] if isinstance(given.get("policies"), list) else []
    known = [(entry["policy"], word(entry.get("rule")), entry.get("floor"), int(days(entry.get("keep"))), time(entry.get("cutoff")))
             for entry in entries if isinstance(entry, dict) and isinstance(entry.get("policy"), str)
             and re.fullmatch("[0-9]{1,18}", word(entry.get("rule"))) and isinstance(entry.get("floor"), (str, type(None)))
             and days(entry.get("keep")) and time(entry.get("cutoff")) is not None]
    if at is None or not known or len(known) < len(entries):
        return ["parameters"], None
    grace = int(setting[:-1] if re.fullmatch("[0-9]{1,4}d", setting) else 7) * DAY
    recorded = micros(act["recorded_at"])
    problems = ["grace"] * (word(given.get("grace")) != setting) + ["at"] * (at > recorded)
    for number, (policy, rule, floor, keep, cutoff) in enumerate(known, 1):
        own = [one for one in in_force(rules, "policy", at, recorded) if [one[ACT_SEQ], one[NAME]] == [rule, policy]]
        named = [one for one in in_force(rules, "floor", at, recorded) if one[NAME] == floor]
        wrong = {"policy": not own, "floor": floor is not None and not named, "cutoff": cutoff != at - keep * DAY,
                 "keep": own and keep < least_days(rules, own[0], named and named[0], at - grace, at)}
        problems += [f"{what} {number}" for what in ("policy", "floor", "keep", "cutoff") if wrong[what]]
    return problems, (max(entry[4] for entry in known), at - grace)

def hold_digest(row):
    return sha256(record("pgtrail hold", row, HOLD) if row["salt"] is None else record("pgtrail salted hold", row, fields("salt:uuid") + HOLD))

# The digest of the holds in force
def holds_digest(holds, at):
    there = [{"act_seq": seq, "digest": digest} for seq, (digest, released, _, expires) in holds.items() if not released and (expires is None or expires > at)]
    return sha256(b"".join(record("pgtrail hold in force", hold, HELD) for hold in there)).hex()

def saw_other_holds(act, given, holds):
    at = time(given.get("at"))
    return "holds" in given and given["holds"] != holds_digest(holds, micros(act["recorded_at"]) if at is None else at)

# A redaction takes the names out of holds that are over
def clear_holds(act, given, holds):
    at = time(given.get("at"))
    for named in given["cleared_holds"] if isinstance(given.get("cleared_holds"), list) else []:
        hold = holds.get(word(named.get("hold"))) if isinstance(named, dict) else None
        if hold and hold[2] is None and (hold[1] or hold[3] is not None and hold[3] <= (micros(act["recorded_at"]) if at is None else at)):
            hold[0], hold[2] = bytes.fromhex(word(named.get("digest"))), act["seq"]

def check_lifecycle(acts, tables, older, removal, add):
    rules, holds, detached, setting = [list(STANDARD)], {}, {}, "7d"
    newest = collections.defaultdict(list)
    for row in tables["purge"]:
        newest[row["act_seq"]].append((micros(row["newest_occurred_at"]), micros(row["newest_recorded_at"])))
    def altered(words):
        add("control_altered", words, group="object")
    for act in acts:
        kind, seq, given = act["kind"], act["seq"], act["parameters"]
        if kind == "migrate" and isinstance(given.get("down"), list) and "0005_lifecycle" in given["down"]:
            rules, holds, detached = [list(STANDARD)], {}, {}
        elif kind == "setting" and given.get("name") == "retention-grace":
            setting = word(given.get("value"))
        elif kind == "retention":
            set_rule(rules, act, given)
        elif kind == "hold":
            holds[seq] = [unhex(act["digest"]), None, None, time(given.get("expires"))]
        elif kind == "release":
            for hold in map(word, given["holds"] if isinstance(given.get("holds"), list) else []):
                if hold in holds and holds[hold][1] is None:
                    holds[hold][1] = seq
        elif kind == "detach":
            detached[word(given.get("partition"))] = [time(given.get("since")), time(given.get("until")), seq]
        elif kind == "redact":
            if saw_other_holds(act, given, holds):
                add("unauthorized_redaction", f"the redaction of act {seq} saw other holds than there were", seq=seq, group="object",
                    evidence=f"redaction holds {act['hash'][2:]}")
            clear_holds(act, given, holds)
        elif kind == "remove_archive":
            removal(act, given, newest, rules, setting, saw_other_holds(act, given, holds))
        elif kind == "purge":
            problems, limits = ([], None) if given.get("policies") is None else judge_rules(act, given, rules, setting)
            young = limits and any(occurred >= limits[0] or recorded >= limits[1] for occurred, recorded in newest[seq])
            for what in problems + ["records"] * bool(young) + ["holds"] * saw_other_holds(act, given, holds):
                add("unauthorized_purge", f"the purge of act {seq} is not what retention does: {what}", seq=seq, group="object",
                    evidence=f"retention {what} {act['hash'][2:]}")
        if kind == "attach" or kind == "purge" and given.get("method") == "drop":
            detached.pop(word(given.get("partition")), None)
    if older & {"retention_rule", "hold", "detached_partition"}:
        return
    wanted = {**{("rule", rule[ACT_SEQ]): rule for rule in rules}, **{("hold", seq): hold for seq, hold in ((seq, hold[:3]) for seq, hold in holds.items())},
              **{("detached", name): one for name, one in detached.items()}}
    there = {**{("rule", row["act_seq"]): list(row.values()) for row in tables["retention_rule"]},
             **{("hold", row["act_seq"]): [hold_digest(row), row["released_seq"], row["cleared_seq"]] for row in tables["hold"]},
             **{("detached", row["name"]): [micros(row["since"]), micros(row["until"]), row["act_seq"]] for row in tables["detached_partition"]}}
    apart = {re.sub('^pgtrail\\."?|"$', "", row["partition"]).replace('""', '"') for row in tables["partition"] if row["bound"].startswith("DETACHED")}
    for kind, name in sorted({*wanted, *there}):
        if wanted.get((kind, name)) != there.get((kind, name)):
            altered(f"the {kind} {name} is not what the acts say")
        elif kind == "detached" and name not in apart:
            altered(f"the detached partition {name} is not there, or attached")
