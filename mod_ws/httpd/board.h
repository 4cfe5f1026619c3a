#pragma once

#include "mod_ws/engine/event_loop.h"
#include "mod_ws/httpd/httpd.h"
#include "mod_ws/metrics/board.h"

namespace mod_ws::httpd {

/// Registers the board that all processes of the server count on: one for the server's life.
void register_board();

metrics::Board& board();

/// The tally of this loop for this series. Any thread.
metrics::Tally& tally_of(const engine::EventLoop& loop, metrics::Board::SeriesNumber series);

}  // namespace mod_ws::httpd
