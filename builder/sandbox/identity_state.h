// The one change an identity may see after it was entered. Private to the sandbox.
#pragma once

#include <string>

namespace cooper::builder {

// Host root whose store can't be seen through an id-mapped mount: steps get all ids, with a notice.
// Before any step runs; single-threaded.
void fall_back_to_all_ids(const std::string& reason);

}  // namespace cooper::builder
