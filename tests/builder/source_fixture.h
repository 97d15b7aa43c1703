// Fetched sources over a store of their own, and a look at what was fetched.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "builder/sources/source_fetcher.h"
#include "tests/builder/quiet_progress.h"
#include "tests/builder/store_fixture.h"

namespace cooper::builder {

class SourceTest : public StoreTest {
 protected:
  SourceSettings settings() {
    SourceSettings made;
    made.secret = [this](const std::string& id) -> std::optional<std::string> {
      const auto found = secrets_.find(id);
      return found == secrets_.end() ? std::nullopt : std::optional(found->second);
    };
    made.git.environment = {std::string("PATH=") + ::getenv("PATH")};
    made.http.sleep = [](std::chrono::milliseconds) {};
    made.clock = [] { return Timestamp{1'700'000'000, 0}; };
    return made;
  }
  // As a build of its own: nothing is known but what the store has.
  PlannedLayer get(const RemoteSource& source) {
    RemoteSources sources(*store_, progress_, settings());
    sources.set_epoch(epoch_);
    if (const auto known = sources.find(source, {})) {
      found_ = true;
      return *known;
    }
    found_ = false;
    return sources.fetch(source, {});
  }
  std::shared_ptr<const layers::Tree> tree(const PlannedLayer& layer) {
    Materializer materializer(*store_, fetcher_);
    return materializer.packed(LayerStack({layer}));
  }
  std::optional<std::string> text(const PlannedLayer& layer, const std::string& name) {
    const auto files = tree(layer);
    const auto entry = files->find(TreePath::clean(name));
    if (!entry || entry->type != layers::EntryType::file) return std::nullopt;
    return read_all(*files->open(*entry), 1 << 20, name);
  }
  PlanFailure failure(const RemoteSource& source) {
    try {
      get(source);
    } catch (const Error& error) {
      return {error.what(), {}, error.code()};
    }
    return {"fetched", {}, std::nullopt};
  }

  std::map<std::string, std::string> secrets_;
  std::optional<std::int64_t> epoch_;
  QuietProgress progress_;
  bool found_ = false;  // the last get() transferred nothing
};

}  // namespace cooper::builder
