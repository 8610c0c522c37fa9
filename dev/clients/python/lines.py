"""Prints the askers as lines of cells, for a suite without a JSON reader."""
from suite import ASKERS, DATABASE, HOST, PORT

print("url", f"jdbc:postgresql://{HOST}:{PORT}/{DATABASE}", sep="\t")
for a in ASKERS:
    print("asker", a.title, a.login, a.password, a.stead, a.how, sep="\t")
    for row in a.staff:
        print(*(r"\N" if cell is None else cell for cell in row), sep="\t")
