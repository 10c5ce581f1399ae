"""What a user wants everywhere: a variable over the file, the file over the default, an argument over all."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from netlib import Network, SoftmaxLayer, config
from netlib.backend import device_namespace
from netlib.gpu import DeviceError


@pytest.fixture(autouse=True)
def no_variables(monkeypatch, tmp_path):
    """A user with a home of their own, who has said nothing yet."""
    for name in ("NETLIB_DEVICE", "NETLIB_DTYPE", "NETLIB_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture(params=["in the home", "named", "named from the home"])
def write(request, monkeypatch, tmp_path):
    """A function that writes the file of settings and returns its path."""
    name = "home/.netlib.toml" if request.param == "in the home" else "home/other.toml"
    if request.param != "in the home":
        monkeypatch.setenv("NETLIB_CONFIG", "~/other.toml" if "home" in request.param else str(tmp_path / name))

    def written(text):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return written


def make(**options):
    return Network([SoftmaxLayer(4, 3)], 4, **options)


def test_who_says_nothing_gets_the_defaults():
    assert config.setting("device") == ("auto", "default")
    assert config.setting("dtype") == ("float32", "default")
    assert make().dtype == "float32"


def test_the_file_decides_what_it_names_and_nothing_else(write):
    path = write('dtype = "float64"  # more digits\n')
    assert config.setting("dtype") == ("float64", path)
    assert config.setting("device") == ("auto", "default")
    assert make().dtype == make(dtype="auto").dtype == "float64"
    assert str(config.path()) == path


def test_an_empty_file_says_nothing(write):
    write("")
    assert config.setting("dtype") == ("float32", "default")


def test_a_variable_wins_over_the_file_and_an_empty_one_does_not(write, monkeypatch):
    path = write('dtype = "float64"\ndevice = "gpu"\n')
    monkeypatch.setenv("NETLIB_DTYPE", "float32")
    monkeypatch.setenv("NETLIB_DEVICE", "cpu")
    assert config.setting("dtype") == ("float32", "NETLIB_DTYPE (environment variable)")
    assert config.setting("device") == ("cpu", "NETLIB_DEVICE (environment variable)")
    assert make().dtype == "float32"
    monkeypatch.setenv("NETLIB_DTYPE", "")
    assert config.setting("dtype") == ("float64", path)


def test_the_named_file_wins_over_the_one_in_the_home(tmp_path, monkeypatch):
    (tmp_path / "home" / ".netlib.toml").write_text('dtype = "float64"')
    (tmp_path / "other.toml").write_text('device = "cpu"')
    assert config.setting("dtype").value == "float64"
    monkeypatch.setenv("NETLIB_CONFIG", str(tmp_path / "other.toml"))
    assert config.setting("dtype") == ("float32", "default")
    assert config.setting("device").value == "cpu"
    monkeypatch.setenv("NETLIB_CONFIG", "")
    assert config.setting("dtype").value == "float64"


@pytest.mark.parametrize("dtype", ["float32", "float64", float, np.float32, np.dtype("float64")])
def test_an_explicit_dtype_wins(dtype, write, monkeypatch):
    for wish in ("float32", "float64"):
        write(f'dtype = "{wish}"')
        assert make(dtype=dtype).dtype == dtype
        monkeypatch.setenv("NETLIB_DTYPE", wish)
        assert make(dtype=dtype).dtype == dtype


def test_the_device_of_the_file_is_what_auto_means(write, install_cupy):
    cupy = install_cupy()
    for wish, expected in (("cpu", np), ("gpu", cupy), ("auto", cupy)):
        write(f'device = "{wish}"')
        assert device_namespace("auto") is make().xp is expected
        assert device_namespace("cpu") is make(device="cpu").xp is np
        assert device_namespace("gpu") is make(device="gpu").xp is cupy


def test_a_model_file_keeps_its_own_dtype(write, tmp_path):
    write('dtype = "float32"')
    make(dtype="float64").save(tmp_path / "net.npz")
    assert Network.load(tmp_path / "net.npz").dtype == "float64"


# What is refused.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("device = ", "expected a file of settings in TOML"),
        ("device: cpu", "expected a file of settings in TOML"),
        ('device = "cpu"\ndevice = "gpu"', "expected a file of settings in TOML"),
        ('Device = "cpu"', "got Device = 'cpu'"),
        ('dtype = "float32"\nthreads = 4', "got threads = 4"),
        ('[netlib]\ndevice = "cpu"', "got netlib = {'device': 'cpu'}"),
        ("dtype = 64", "got dtype = 64"),
        ("device = true", "got device = True"),
        ('device = ["cpu"]', r"got device = ['cpu']"),
    ],
)
@pytest.mark.parametrize("name", ["device", "dtype"])
def test_a_file_that_cannot_be_understood_is_an_error_that_names_it(text, said, name, write):
    path = write(text)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        config.setting(name)
    assert str(caught.value).startswith(f"{path}: expected ")
    assert said in str(caught.value)
    if "TOML" not in said:
        assert 'expected device = "..." and dtype = "..."; ' in str(caught.value)


def test_a_file_that_is_nested_without_end_is_an_error_that_names_it(write):
    path = write("device = " + "[" * 100_000)
    with pytest.raises(ValueError, match=re.escape(f"{path}: expected a file of settings in TOML; ")):
        config.setting("device")


def test_a_file_that_is_no_text_or_a_folder_is_an_error_that_names_it(write):
    path = Path(write(""))
    path.write_bytes(b'device = "\xff"')
    with pytest.raises(ValueError, match=f"^{path}: expected a file of settings in TOML"):
        make()
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match=f"^{path}: expected a file of settings in TOML"):
        make()


def test_a_file_that_was_named_and_is_not_there_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("NETLIB_CONFIG", str(tmp_path / "no.toml"))
    with pytest.raises(ValueError, match=r"^NETLIB_CONFIG .*: expected the name of a file; got '.*no\.toml'"):
        make()


@pytest.mark.parametrize("dtype", ["float16", "double", "auto", ""])
def test_an_unknown_dtype_is_an_error_that_names_who_asked_for_it(dtype, write, monkeypatch):
    path = write(f'dtype = "{dtype}"')
    with pytest.raises(ValueError, match=f"^{path}: expected one of 'float32', 'float64'; got '{dtype}'"):
        make()
    if dtype:
        monkeypatch.setenv("NETLIB_DTYPE", dtype)
        with pytest.raises(ValueError, match=rf"^NETLIB_DTYPE \(environment variable\): expected one of .*'{dtype}'"):
            make()
    if dtype != "auto":
        with pytest.raises(ValueError, match=f"^dtype: expected one of .*; got '{dtype}'"):
            make(dtype=dtype)


def test_an_unknown_device_is_an_error_that_names_the_file(write):
    path = write('device = "tpu"')
    with pytest.raises(ValueError, match=f"^{path}: expected one of auto, cpu, gpu; got 'tpu'"):
        make()
    assert make(device="cpu").xp is np


def test_a_gpu_that_the_file_asks_for_in_vain_is_an_error_that_names_it(write, no_cupy):
    path = write('device = "gpu"')
    with pytest.raises(DeviceError, match=f'^{path}: "gpu" was asked for, but CuPy is not installed'):
        make()


def test_a_home_that_cannot_be_found_or_entered_has_no_file():
    code = "import netlib.config; print(*netlib.config.setting('dtype'))"
    for home in ({"HOME": "/proc/1/fd"}, {"HOME": "/nowhere/at/all"}):
        run = [sys.executable, "-c", code]
        done = subprocess.run(run, capture_output=True, text=True, env=home, cwd=Path(config.__file__).parents[1])
        assert (done.stdout, done.stderr) == ("float32 default\n", "")
