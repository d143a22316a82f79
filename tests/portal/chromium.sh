#!/bin/sh
# The browser of the browser tests: installed when it may be, else those tests are reported as not run.
command -v chromium >/dev/null 2>&1 && exit 0
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || exit 0
echo "installing Chromium for the browser tests (once) …"
apt-get update -qq >/dev/null 2>&1
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core \
    >/dev/null 2>&1 || echo "Chromium could not be installed: the browser tests will be reported as not run"
exit 0
