"""Writes what every suite reads: where the server is, who asks, and what each asker is promised.

The promises come from the sample's files and from what examples/demo/bundle.yaml says in words;
nothing of stead takes part.

usage: promised.py DATA HOST PORT NAME=KEY... > askers.json
"""
import csv
import json
import math
import sys

ANA, BO, BI = "ana@example.com", "bo@example.com", "bi@example.com"
DEPARTMENTS = {ANA: ["Sales"], BO: ["Sales", "Finance"]}
CLEARED = {BO}
HASHED = "#"  # a text of 16 hex digits, which depends on a secret key


def staff(data, subject):
    """The rows of demo.hr_data that subject may see: id, last_name, email, ssn, dept, salary."""
    with open(f"{data}/demo/hr_data.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["dept"] not in DEPARTMENTS[subject]:
                continue
            personal = [row["last_name"], row["email"], row["ssn"]]
            if subject not in CLEARED:
                personal = [None, "***@corp.example", HASHED]
            salary = math.floor(float(row["salary"]) / 10000) * 10000
            yield [int(row["id"]), *personal, row["dept"], salary]


def main(data, host, port, *keys):
    keys = dict(k.split("=", 1) for k in keys)

    def asker(title, login, stead="", how=""):
        return {"title": title, "login": login, "password": keys[login], "stead": stead, "how": how,
                "staff": list(staff(data, stead or login))}

    json.dump({"host": host, "port": int(port), "database": "lake", "askers": [
        asker("ana", ANA),
        asker("bo", BO),
        asker("bi in ana's stead", BI, ANA, "option"),  # asked for when connecting, as tools do that have no SQL of their own
        asker("bi in bo's stead", BI, BO, "statement"),
    ]}, sys.stdout)


main(*sys.argv[1:])
