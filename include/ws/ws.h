#pragma once

/// Everything a handler module needs.

#include "ws/channel.h"
#include "ws/close_code.h"
#include "ws/conn.h"
#include "ws/descriptor.h"
#include "ws/dialer.h"
#include "ws/error.h"
#include "ws/handler.h"
#include "ws/message.h"
#include "ws/message_reader.h"
#include "ws/message_writer.h"
#include "ws/module.h"
#include "ws/offload.h"
#include "ws/op.h"
#include "ws/pending.h"
#include "ws/prepared_message.h"
#include "ws/request.h"
#include "ws/sender.h"
#include "ws/task.h"
#include "ws/time.h"
#include "ws/upgrader.h"
