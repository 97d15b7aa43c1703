#include "cmd/target_results.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cmd/build_flags.h"
#include "cmd/options_text.h"
#include "parser/text.h"

namespace cooper::cmd {
namespace {

constexpr std::string_view kPlaceholder = "{target}";

class ResultReader {
 public:
  ResultReader(const BuildFlags& flags, std::string target, bool several, std::size_t platforms, Results& results)
      : flags_(flags), several_(several), platforms_(platforms), results_(results) {
    result_.target = std::move(target);
    name_ = parser::to_lower(result_.target);
  }

  TargetResult read() && {
    for (const std::string& tag : flags_.tags) result_.names.push_back(parse_new_name(own("-t", tag)));
    for (const std::string& text : flags_.outputs) add_output(text);
    if (flags_.push && result_.names.empty()) throw Error(Errc::invalid, "--push needs a name: -t NAME");
    if (!result_.names.empty() && !image_output_) add_image(false);
    if (flags_.push) add_image(true);
    if (!flags_.iid_file.empty()) result_.iid_file = own("--iidfile", flags_.iid_file);
    result_.metadata_file = placed(flags_.metadata_file);
    return std::move(result_);
  }

 private:
  bool is_marked(const std::string& text) const { return text.find(kPlaceholder) != std::string::npos; }

  std::string placed(std::string text) const {
    if (result_.target.empty()) return text;
    for (std::size_t at = 0; (at = text.find(kPlaceholder, at)) != std::string::npos; at += name_.size()) {
      text.replace(at, kPlaceholder.size(), name_);
    }
    return text;
  }

  // A value that no two targets may share.
  std::string own(const std::string& flag, const std::string& text) const {
    if (several_ && !is_marked(text)) {
      throw Error(Errc::invalid, cat(flag, " ", text, ": with several targets the name must hold ", kPlaceholder,
                                     ", which stands for each target's name"));
    }
    return placed(text);
  }

  void add_output(const std::string& text) {
    using Kind = builder::Output::Kind;
    OutputFlag flag = parse_output(placed(text));
    builder::Output& output = flag.output;
    if (flag.compression) results_.compression = flag.compression;
    if (flag.has_names) {
      static_cast<void>(own("-o", text));
    } else {
      output.names = result_.names;
    }
    if (flag.into_store && !output.names.empty()) {
      output.kind = Kind::image;
      output.to_stdout = false;
    }
    image_output_ = image_output_ || output.kind == Kind::image || flag.nowhere;
    if (flag.nowhere) return;
    const bool directory = output.kind == Kind::local || output.as_directory;
    const bool archive = output.kind == Kind::oci || output.kind == Kind::docker || output.kind == Kind::tar;
    if (archive && output.to_stdout && ::isatty(STDOUT_FILENO) == 1) {
      throw Error(Errc::invalid, "an archive is not written to a terminal: give dest=FILE or redirect");  // OUT-03
    }
    const auto to_stdout = [](const builder::Output& other) { return other.to_stdout; };
    if (output.to_stdout && std::any_of(result_.outputs.begin(), result_.outputs.end(), to_stdout)) {
      throw Error(Errc::invalid, cat("-o ", text, ": standard output takes one output"));
    }
    if (output.to_stdout && several_) {
      throw Error(Errc::invalid, cat("-o ", text, ": standard output takes one target's archive"));
    }
    if (output.kind == Kind::docker && platforms_ > 1) {  // OUT-14
      throw Error(Errc::unsupported, "docker exporter does not currently support exporting manifest lists");
    }
    if (output.kind == Kind::image && output.names.empty()) {
      throw Error(Errc::invalid, cat("--output ", text, " needs a name: -t NAME"));
    }
    if (several_ && directory && !is_marked(text)) output.destination /= name_;
    if (output.kind != Kind::image && !directory) static_cast<void>(own("-o", text));
    result_.outputs.push_back(std::move(output));
  }

  void add_image(bool push) {
    builder::Output output;
    output.push = push;
    output.names = result_.names;
    result_.outputs.push_back(std::move(output));
  }

  const BuildFlags& flags_;
  bool several_;
  std::size_t platforms_;
  Results& results_;
  TargetResult result_;
  std::string name_;  // of the target, in lower case: what files and images are called
  bool image_output_ = false;
};

// What --metadata-file tells of one image.
nlohmann::ordered_json metadata_of(const builder::AssembledImage& image, const std::vector<oci::Reference>& names) {
  nlohmann::ordered_json metadata;
  if (!oci::is_index_type(image.manifest.media_type)) metadata["containerimage.config.digest"] = image.id.str();
  metadata["containerimage.descriptor"] = {{"mediaType", image.manifest.media_type},
                                           {"digest", image.manifest.digest.str()},
                                           {"size", image.manifest.size_bytes}};
  metadata["containerimage.digest"] = image.manifest.digest.str();
  std::string joined;
  for (const oci::Reference& name : names) joined += (joined.empty() ? "" : ",") + name.str();
  if (!joined.empty()) metadata["image.name"] = joined;
  return metadata;
}

}  // namespace

Results read_results(const BuildFlags& flags, std::size_t platforms) {
  std::vector<std::string> targets;
  for (const std::string& flag : flags.targets) {
    for (const std::string_view name : parser::split(flag, ',')) {
      const std::string target(parser::trim(name));
      const bool known = std::any_of(targets.begin(), targets.end(), [&](const std::string& other) {
        return parser::to_lower(other) == parser::to_lower(target);
      });
      if (!target.empty() && !known) targets.push_back(target);
    }
  }
  if (targets.empty()) targets.emplace_back();
  Results results;
  for (const std::string& target : targets) {
    results.targets.push_back(ResultReader(flags, target, targets.size() > 1, platforms, results).read());
  }
  return results;
}

std::vector<ResultFile> result_files(const std::vector<TargetResult>& targets, const std::vector<builder::AssembledImage>& images) {
  std::vector<ResultFile> files;
  nlohmann::ordered_json all;  // of several targets, by name
  const bool shared = targets.size() > 1 && targets.front().metadata_file == targets.back().metadata_file;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const TargetResult& target = targets[i];
    if (!target.iid_file.empty()) files.push_back({target.iid_file, images[i].id.str()});
    const nlohmann::ordered_json metadata = metadata_of(images[i], target.names);
    all[parser::to_lower(target.target)] = metadata;
    const bool last = i + 1 == targets.size();
    if (!target.metadata_file.empty() && (!shared || last)) {
      files.push_back({target.metadata_file, (shared ? all : metadata).dump(2) + "\n"});
    }
  }
  return files;
}

}  // namespace cooper::cmd
