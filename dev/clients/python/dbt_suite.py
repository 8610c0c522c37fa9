"""dbt-postgres: debug, show and test work; run is refused clearly, because the gateway only reads."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

from suite import ASKERS, HOST, PORT, run, same, same_staff

PROJECT = os.environ["STEAD_DBT_PROJECT"]


def dbt(asker, *args, fails=False):
    """What dbt prints. dbt has no statement of its own before the first, so the stead is asked for when connecting."""
    with tempfile.TemporaryDirectory() as folder:
        project = shutil.copytree(PROJECT, f"{folder}/project")
        env = {**os.environ, "STEAD_HOST": HOST, "STEAD_PORT": str(PORT), "STEAD_LOGIN": asker.login, "DBT_ENV_SECRET_PASSWORD": asker.password,
               "DBT_PROFILES_DIR": project, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1", "PGOPTIONS": asker.options,
               "DBT_TARGET_PATH": f"{folder}/target", "DBT_LOG_PATH": f"{folder}/logs", "NO_COLOR": "1"}
        p = subprocess.run([os.path.join(os.path.dirname(sys.executable), "dbt"), *args, "--project-dir", project], env=env, cwd=folder,
                           capture_output=True, text=True, timeout=240, check=False)
        same((p.returncode != 0, p.stdout[-500:] if (p.returncode != 0) != fails else ""), (fails, ""))
        return p.stdout


def debug(asker):
    assert "All checks passed!" in dbt(asker, "debug")


def show(asker):
    said = dbt(asker, "--log-format", "text", "--quiet", "show", "--select", "staff", "--limit", "50", "--output", "json")
    rows = json.loads(said[said.index("{"):])["show"]
    same_staff([[r["id"], r["last_name"], r["email"], r["ssn"], r["dept"], r["salary"]] for r in rows], asker, 50)


def show_of_a_hidden_table(asker):
    assert 'demo.payroll" does not exist' in dbt(asker, "show", "--inline", "select * from {{ source('demo', 'payroll') }}", fails=True)


def tests(asker):
    said = dbt(asker, "test", fails=True)
    assert said.count("does not exist") >= 1 and "source_not_null_demo_payroll_iban" in said, said[-500:]
    masked = asker.staff[0][1] is None
    assert (f"Got {len(asker.staff)} results" in said) == masked, said[-500:]
    want = "PASS=8 WARN=0 ERROR=2" if masked else "PASS=9 WARN=0 ERROR=1"
    assert want in said, said[-500:]


def run_is_refused(asker):
    said = dbt(asker, "run", "--select", "staff", fails=True)
    assert "only queries are offered" in said and "ERROR=1" in said, said[-500:]


def catalogue_of_docs(asker):
    with tempfile.TemporaryDirectory() as folder:
        said = dbt(asker, "docs", "generate", "--target-path", folder, "--no-compile")
        assert "Catalog written" in said, said[-300:]
        with open(f"{folder}/catalog.json", encoding="utf-8") as file:
            catalogue = json.load(file)
        same(sorted(catalogue["sources"]), ["source.clients.demo.departments", "source.clients.demo.hr_data"])


run("dbt", debug, show, show_of_a_hidden_table, tests, run_is_refused, catalogue_of_docs,
    askers=[a for a in ASKERS if a.how != "statement" and a.title != "ana"])
