import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
if "support" not in sys.modules:  # the tests against httpd may be there too
    pytest.register_assert_rewrite("support")
