"""Build the site: ``python chapters/site/build.py FOLDER``, which `netlib site` calls."""

import sys
from pathlib import Path

from sphinx.cmd.build import main
from workshop.staging import stage

if __name__ == "__main__":
    here, target = Path(__file__).parent, Path(sys.argv[1])
    sources, doctrees = (target.with_name(f"{target.name}-{part}") for part in ("sources", "doctrees"))
    stage(here, sources)
    # All pages are read anew: a warning about one that has not changed would not come again.
    options = ["--quiet", "--fresh-env", "--fail-on-warning", "--keep-going", "-b", "html"]
    extra = f"html_extra_path={sources / 'extra'}"
    sys.exit(main([*options, "-D", extra, "-c", str(here), "-d", str(doctrees), str(sources), str(target)]))
