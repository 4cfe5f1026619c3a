#pragma once

#include "mod_ws/httpd/httpd.h"

/// mod_proxy's header, which does not say itself that it is C.
extern "C" {
#include <mod_proxy.h>
}
