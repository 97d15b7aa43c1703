#include "cache/records.h"

#include <algorithm>

#include "base/error.h"
#include "cache/record_json.h"

namespace cooper::cache {
namespace {

// A use is written down when the one on record is older: "last used" is told in hours, and a build
// that finds everything writes nothing.
constexpr Nanoseconds kNoteUsesAfter = Nanoseconds{3600} * 1'000'000'000;

std::string raw(const oci::Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

std::string describe_key(const std::string& key) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string text = key.starts_with('s') ? "step " : "equal content ";
  for (const char c : key.substr(1)) {
    text += kHex[static_cast<unsigned char>(c) >> 4];
    text += kHex[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

}  // namespace

std::string step_key(const StepKey& key) {
  return "s" + raw(key.value);
}

std::string equal_key(const std::optional<oci::ChainId>& parent,
                      const oci::ContentDigest& content) {
  return "e" + raw(content.value) + (parent ? raw(parent->value) : std::string());
}

std::optional<Records::Row> Records::read(const std::string& key) {
  return root_.with_db([&](Database& database) -> std::optional<Row> {
    Query query = database.query("SELECT inputs, layer, created, used FROM records WHERE key=?");
    query.bytes(key);
    if (!query.step()) return std::nullopt;
    Row row;
    row.record.inputs = query.get_string(0);
    row.record.created = query.get_string(2);
    row.used = query.get_integer(3);
    try {
      if (!query.is_null(1)) row.record.layer = parse_layer(query.get_string(1));
    } catch (const Error&) {
      row.damaged = true;
    }
    return row;
  });
}

std::optional<StepRecord> Records::find(const std::string& key) {
  std::optional<Row> row = read(key);
  if (!row) return std::nullopt;
  if (row->damaged) {
    drop_record(key, std::nullopt);
    return std::nullopt;
  }
  if (!row->record.layer) {
    const Nanoseconds now = leases_.stamp();
    if (row->used < now - kNoteUsesAfter) uses_.with([&](auto& uses) { uses[key] = now; });
    return std::move(row->record);
  }
  const oci::Descriptor& blob = row->record.layer->descriptor;
  if (!objects_.find({ObjectKind::blob, blob.digest.value}, blob.size_bytes)) {
    drop_record(key, blob.digest.value);
    return std::nullopt;
  }
  return std::move(row->record);
}

bool Records::any_like(const std::string& begin, const std::string& end) {
  return root_.with_db([&](Database& database) {
    Query query = database.query(
        "SELECT 1 FROM (SELECT CAST(inputs AS BLOB) AS bytes FROM records)"
        " WHERE substr(bytes, 1, ?)=? AND substr(bytes, -?)=? LIMIT 1");
    query.integer(static_cast<std::int64_t>(begin.size())).bytes(begin);
    query.integer(static_cast<std::int64_t>(end.size())).bytes(end);
    return query.step();
  });
}

void Records::put(const std::string& key, const StepRecord& record) {
  root_.with_db([&](Database& database) {
    Query query = database.query(
        "INSERT OR REPLACE INTO records (key, inputs, layer, blob, created, used)"
        " VALUES (?, ?, ?, ?, ?, ?)");
    query.bytes(key).text(record.inputs);
    if (record.layer) {
      query.text(to_text(*record.layer)).digest(record.layer->descriptor.digest.value);
    } else {
      query.null().null();
    }
    query.text(record.created).integer(leases_.stamp()).run();
  });
}

// With a blob: only while the record still names it, as another process may have put a better one.
void Records::drop_record(const std::string& key, const std::optional<oci::Digest>& blob) {
  root_.with_db([&](Database& database) {
    if (blob) {
      database.query("DELETE FROM records WHERE key=? AND blob=?").bytes(key).digest(*blob).run();
    } else {
      database.query("DELETE FROM records WHERE key=?").bytes(key).run();
    }
  });
}

void Records::flush_uses() {
  const std::map<std::string, Nanoseconds> uses =
      uses_.with([](auto& gathered) { return std::exchange(gathered, {}); });
  if (uses.empty()) return;
  root_.with_db([&](Database& database) {
    database.transaction([&] {
      for (const auto& [key, used] : uses) {
        database.query("UPDATE records SET used=max(used, ?) WHERE key=?")
            .integer(used)
            .bytes(key)
            .run();
      }
    });
  });
}

std::optional<oci::Descriptor> Records::find_name(const oci::Reference& reference) {
  const auto text = root_.with_db([&](Database& database) -> std::optional<std::string> {
    Query query = database.query("SELECT root FROM names WHERE reference=?");
    query.text(reference.str());
    if (!query.step()) return std::nullopt;
    return query.get_string(0);
  });
  if (!text) return std::nullopt;
  oci::Descriptor root = parse_descriptor(*text);
  // Using the root keeps prune from everything that it reaches (prune.h).
  if (!objects_.find({ObjectKind::blob, root.digest.value}, root.size_bytes)) return std::nullopt;
  return root;
}

void Records::put_name(const oci::Reference& reference, const oci::Descriptor& root,
                       const std::string& created) {
  objects_.find({ObjectKind::blob, root.digest.value});
  root_.with_db([&](Database& database) {
    database
        .query(
            "INSERT OR REPLACE INTO names (reference, root, digest, created) VALUES (?, ?, ?, ?)")
        .text(reference.str())
        .text(to_text(root))
        .digest(root.digest.value)
        .text(created)
        .run();
  });
}

bool Records::remove_name(const oci::Reference& reference) {
  return root_.with_db([&](Database& database) {
    return database.query("DELETE FROM names WHERE reference=?").text(reference.str()).run() > 0;
  });
}

std::vector<NamedImage> Records::names() {
  std::vector<NamedImage> found = root_.with_db([](Database& database) {
    std::vector<NamedImage> rows;
    Query query = database.query("SELECT reference, root, created FROM names");
    while (query.step()) {
      try {
        rows.push_back({oci::parse_reference(query.get_string(0)),
                        parse_descriptor(query.get_string(1)), query.get_string(2)});
      } catch (const Error&) {
        continue;  // a damaged row names nothing; verify tells of it
      }
    }
    return rows;
  });
  std::ranges::sort(found, {}, [](const NamedImage& image) { return image.reference.str(); });
  return found;
}

std::optional<std::string> Records::find_fact(const std::string& kind, const std::string& key) {
  return root_.with_db([&](Database& database) -> std::optional<std::string> {
    Query query = database.query("SELECT value FROM facts WHERE kind=? AND key=?");
    query.text(kind).text(key);
    if (!query.step()) return std::nullopt;
    return query.get_string(0);
  });
}

void Records::put_fact(const std::string& kind, const std::string& key, const std::string& value) {
  const Nanoseconds now = leases_.stamp();
  root_.with_db([&](Database& database) {
    {  // a build that learns nothing new writes nothing
      Query known = database.query("SELECT value, noted FROM facts WHERE kind=? AND key=?");
      known.text(kind).text(key);
      const bool same = known.step() && known.get_string(0) == value;
      if (same && known.get_integer(1) > now - kNoteUsesAfter) return;
    }
    database.query("INSERT OR REPLACE INTO facts (kind, key, value, noted) VALUES (?, ?, ?, ?)")
        .text(kind)
        .text(key)
        .text(value)
        .integer(now)
        .run();
  });
}

std::map<std::string, std::string> Records::facts(const std::string& kind) {
  return root_.with_db([&](Database& database) {
    std::map<std::string, std::string> found;
    Query query = database.query("SELECT key, value FROM facts WHERE kind=?");
    query.text(kind);
    while (query.step()) found.emplace(query.get_string(0), query.get_string(1));
    return found;
  });
}

void Records::drop_fact(const std::string& kind, const std::string& key) {
  root_.with_db([&](Database& database) {
    database.query("DELETE FROM facts WHERE kind=? AND key=?").text(kind).text(key).run();
  });
}

std::vector<Records::Damage> Records::damaged_rows() {
  return root_.with_db([](Database& database) {
    std::vector<Damage> found;
    Query records = database.query(
        "SELECT key, layer, EXISTS(SELECT 1 FROM objects WHERE kind=0 AND digest=records.blob)"
        " FROM records WHERE layer IS NOT NULL ORDER BY key");
    while (records.step()) {
      const std::string key = records.get_string(0);
      try {
        const LayerRecord layer = parse_layer(records.get_string(1));
        if (records.get_integer(2) != 0) continue;
        found.push_back({cat("record of ", describe_key(key), ": its layer ",
                             layer.descriptor.digest, " is missing"),
                         key,
                         {}});
      } catch (const Error& error) {
        found.push_back({cat("record of ", describe_key(key), ": ", error.message()), key, {}});
      }
    }
    Query names = database.query("SELECT reference, root FROM names ORDER BY reference");
    while (names.step()) {
      const std::string reference = names.get_string(0);
      try {
        oci::parse_reference(reference);
        parse_descriptor(names.get_string(1));
      } catch (const Error& error) {
        found.push_back({cat("name ", reference, ": ", error.message()), {}, reference});
      }
    }
    return found;
  });
}

void Records::drop(const Damage& damage) {
  if (!damage.key.empty()) return drop_record(damage.key, std::nullopt);
  root_.with_db([&](Database& database) {
    database.query("DELETE FROM names WHERE reference=?").text(damage.reference).run();
  });
}

void Records::forget_unused(Nanoseconds records_before, Nanoseconds facts_before) {
  root_.with_db([&](Database& database) {
    database.query("DELETE FROM records WHERE blob IS NULL AND used<?")
        .integer(records_before)
        .run();
    database.query("DELETE FROM facts WHERE noted<?").integer(facts_before).run();
  });
}

}  // namespace cooper::cache
