#pragma once

/// Everything a handler module needs.

#include "ws/close_code.h"
#include "ws/conn.h"
#include "ws/error.h"
#include "ws/handler.h"
#include "ws/message.h"
#include "ws/message_reader.h"
#include "ws/module.h"
#include "ws/op.h"
#include "ws/request.h"
#include "ws/task.h"
