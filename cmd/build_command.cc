#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "builder/assemble.h"
#include "builder/context.h"
#include "builder/executor.h"
#include "builder/export.h"
#include "builder/sandbox/identity.h"
#include "builder/sources/main_context.h"
#include "builder/tree_file.h"
#include "cmd/build_flags.h"
#include "cmd/build_inputs.h"
#include "cmd/errors.h"
#include "cmd/session.h"
#include "parser/dockerfile.h"

namespace cooper::cmd {
namespace {

// One build from parsed flags to exported results: a list of named steps.
class BuildJob {
 public:
  explicit BuildJob(const BuildFlags& flags) : flags_(flags), inputs_(read_build_inputs(flags)) {}

  const Excerpts& excerpts() const noexcept { return excerpts_; }

  void run() {
    progress_ = make_progress(flags_.quiet ? ProgressMode::quiet : parse_progress(flags_.progress));
    for (const std::string& flag : flags_.ignored) progress_->notice(flag + " means nothing here and is ignored");
    tell_limits();
    const bool local = dockerfile_is_local(flags_, inputs_.context);
    DockerfileText file;
    if (local) file = read(nullptr);
    open();
    std::optional<builder::FetchedContext> fetched;
    if (!inputs_.context.directory) fetched = load_context();
    if (!local || (fetched && fetched->dockerfile_text)) file = read(fetched ? &*fetched : nullptr);
    if (fetched) inputs_.plan.main_context = fetched->source;
    inputs_.plan.context_time_unknown = inputs_.context.remote.has_value();
    // Before parsing: what another frontend reads is another language.
    builder::check_frontend(parser::find_syntax(file.text), inputs_.plan.build_args);
    const parser::Dockerfile dockerfile = parser::parse_dockerfile(file.shown_name, file.text);
    const builder::Plan plan = builder::make_plan(dockerfile, inputs_.plan, *bases_);
    sources_->set_epoch(plan.source_date_epoch);
    if (inputs_.print_plan) {
      std::cout << (inputs_.plan_as_dot ? plan_dot(plan) : plan_text(plan));
      return;
    }
    for (const auto& annotations : annotation_sets()) builder::check_annotations(plan, annotations);
    warn(plan);
    check_destinations();
    progress_->planned(plan);
    const auto results = execute(plan, file);
    finish(plan, results);
    progress_->close();
  }

  void close_progress() {
    if (progress_) progress_->close();
  }

 private:
  // RUN-23: in one line, and never silently.
  void tell_limits() {
    if (flags_.limits.empty()) return;
    std::string names;
    for (const std::string& flag : flags_.limits) names += (names.empty() ? "" : ", ") + flag;
    progress_->notice(names + ": not applied, RUN steps have no control group of their own");
  }

  void open() {
    store_ = open_store();
    lease_ = store_->lease();
    registry_ = open_registry(flags_.retries, interrupts_.token());
    bases_ = std::make_unique<builder::BaseImages>(*store_, *registry_, *progress_, inputs_.pull);
    builder::SourceSettings settings = source_settings(flags_, inputs_.context);
    settings.secret = [this](const std::string& id) { return inputs_.secrets.find(id); };
    // --ssh comes before what the context's own URL asks for.
    settings.ssh_socket = [this, own = std::move(settings.ssh_socket)](const std::string& id) {
      const auto given = inputs_.ssh->find(id);
      return given || !own ? given : own(id);
    };
    sources_ = std::make_unique<builder::RemoteSources>(*store_, *progress_, std::move(settings));
  }

  builder::FetchedContext load_context() {
    builder::Materializer materializer(*store_, *bases_);
    if (inputs_.context.remote) {
      return builder::fetch_context(*inputs_.context.remote, *sources_, materializer, interrupts_.token());
    }
    FdSource input(UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)), "standard input");
    return builder::stream_context(input, *sources_, materializer);
  }

  DockerfileText read(const builder::FetchedContext* fetched) {
    DockerfileText file = checked_dockerfile(is_url(flags_.file) ? download_dockerfile() : read_dockerfile(flags_, fetched));
    excerpts_ = {file.shown_name, file.text};
    return file;
  }

  // -f URL: as the reference's client.
  DockerfileText download_dockerfile() {
    builder::Materializer materializer(*store_, *bases_);
    const builder::HttpSource source{flags_.file, std::nullopt};
    const auto known = sources_->find(source, interrupts_.token());
    const auto layer = known ? *known : sources_->fetch(source, interrupts_.token());
    const auto tree = materializer.packed(builder::LayerStack({layer}));
    return {"Dockerfile", std::nullopt, *builder::read_tree_file(*tree, TreePath::clean(builder::kDownloadName))};
  }

  void warn(const builder::Plan& plan) {
    for (const builder::Warning& warning : plan.warnings) {
      const int line = warning.ranges.empty() ? 0 : warning.ranges.front().first_line;
      progress_->notice(cat("warning: ", warning.rule, ": ", warning.message, " (line ", line, ")"));
    }
  }

  // A file that can't be made is told now, and not after an hour of work.
  void check_destinations() const {
    std::vector<std::filesystem::path> files;
    for (const builder::Output& output : inputs_.outputs) {
      const bool is_file = output.kind != builder::Output::Kind::image && output.kind != builder::Output::Kind::local;
      if (is_file && !output.to_stdout && !output.as_directory) files.push_back(output.destination);
    }
    for (const std::string& name : {flags_.iid_file, flags_.metadata_file}) {
      if (!name.empty()) files.emplace_back(name);
    }
    for (const std::filesystem::path& file : files) {
      std::error_code unknown;  // told by the probe
      const auto type = std::filesystem::status(file, unknown).type();
      using Type = std::filesystem::file_type;
      // Opening a pipe would wait for its reader.
      if (type != Type::fifo && type != Type::character) builder::AtomicFile probe(file);
    }
  }

  std::vector<builder::StepResult> execute(const builder::Plan& plan, const DockerfileText& file) {
    builder::ExecuteOptions options;
    options.compression = inputs_.compression;
    options.compression.threads = inputs_.threads;
    options.source_date_epoch = plan.source_date_epoch;
    options.clock = [] {
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now);
      const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(now - seconds);
      return std::pair<std::int64_t, std::uint32_t>(seconds.count(), static_cast<std::uint32_t>(rest.count()));
    };
    options.sources = sources_.get();
    options.open_context = [&](const std::string& name) { return open_context(name, file); };
    options.find_secret = [&](const std::string& id) { return inputs_.secrets.find(id); };
    options.find_ssh_agent = [&](const std::string& id) { return inputs_.ssh->find(id); };
    options.before_running = [&] {
      if (flattens()) builder::enter_build_namespace();  // while there is no thread yet
      interrupts_.watch();
      progress_->start_clock();
      if (inputs_.announce_host_network && has_network_step(plan)) {
        progress_->notice("RUN steps use the host's network (--network=host says so without this line)");
      }
    };
    auto results = builder::execute(plan, *store_, *bases_, *progress_, options, interrupts_.token());
    digests_.save();
    return results;
  }

  // Whether an output is files, which trees are unpacked for.
  bool flattens() const {
    return std::any_of(inputs_.outputs.begin(), inputs_.outputs.end(), [](const auto& output) {
      return output.kind == builder::Output::Kind::local || output.kind == builder::Output::Kind::tar;
    });
  }

  static bool has_network_step(const builder::Plan& plan) {
    return std::any_of(plan.steps.begin(), plan.steps.end(), [](const builder::Step& step) {
      const auto* run = std::get_if<builder::RunStep>(&step.operation);
      return run != nullptr && run->network == builder::Network::host;
    });
  }

  std::shared_ptr<const layers::Tree> open_context(const std::string& name, const DockerfileText& file) {
    builder::ContextOptions options;
    options.directory = name.empty() ? *inputs_.context.directory
                                     : std::filesystem::path(inputs_.plan.named_contexts.at(name).value);
    if (!std::filesystem::is_directory(options.directory)) {  // CTX-11: a named one was not looked at before
      throw Error(Errc::not_found, cat("context ", name, ": no such directory: ", options.directory.string()));
    }
    if (name.empty()) options.dockerfile = file.path;
    options.memory = digests_.open(*store_, options.directory);
    options.threads = inputs_.threads;
    return builder::open_local_context(options);
  }

  void finish(const builder::Plan& plan, const std::vector<builder::StepResult>& results) {
    const builder::AssembledImage image = builder::assemble(plan, results, plan.source_date_epoch,
                                                            inputs_.annotations, *store_);
    const auto rootfs = builder::exported_rootfs(plan, results);
    std::vector<builder::PlannedLayer> layers;
    for (const auto& each : rootfs) {
      const auto& own = each.rootfs.layers();
      layers.insert(layers.end(), own.begin(), own.end());
    }
    builder::FetchingBlobs blobs(*store_, *bases_, layers);
    builder::Materializer materializer(*store_, *bases_);
    FdSink standard_output(STDOUT_FILENO, "standard output");
    if (flattens()) materializer.set_mapping(builder::enter_build_namespace().mapping);
    const builder::ExportEnvironment environment{*store_,      blobs, *registry_,       materializer,
                                                 *progress_, &standard_output, plan.source_date_epoch};
    for (const builder::Output& output : inputs_.outputs) {
      builder::export_image(output.annotations.empty() ? image
                                                       : builder::assemble(plan, results, plan.source_date_epoch,
                                                                           annotations_for(output), *store_),
                            rootfs, output, environment, interrupts_.token());
    }
    tell(image);
  }

  std::vector<builder::Annotation> annotations_for(const builder::Output& output) const {
    std::vector<builder::Annotation> all = inputs_.annotations;
    all.insert(all.end(), output.annotations.begin(), output.annotations.end());
    return all;
  }

  std::vector<std::vector<builder::Annotation>> annotation_sets() const {
    std::vector<std::vector<builder::Annotation>> sets{inputs_.annotations};
    for (const builder::Output& output : inputs_.outputs) sets.push_back(annotations_for(output));
    return sets;
  }

  // Files and standard output, only after every export succeeded (OUT-22).
  void tell(const builder::AssembledImage& image) {
    const std::string config_digest = image_id(image);
    if (!flags_.iid_file.empty()) write_result_file(flags_.iid_file, config_digest);
    if (!flags_.metadata_file.empty()) {
      write_result_file(flags_.metadata_file, metadata_json(image, inputs_.names) + "\n");
    }
    const bool archive_on_stdout = std::any_of(inputs_.outputs.begin(), inputs_.outputs.end(),
                                               [](const auto& output) { return output.to_stdout; });
    if (archive_on_stdout) return;
    std::cout << (flags_.quiet ? config_digest : image.manifest.digest.str()) << "\n";
  }

  // The config's digest; an index has none and is known by its own.
  std::string image_id(const builder::AssembledImage& image) {
    if (oci::is_index_type(image.manifest.media_type)) return image.manifest.digest.str();
    return oci::parse_manifest(oci::read_blob(*store_, image.manifest, 8 << 20), "image").config.digest.str();
  }

  std::string metadata_json(const builder::AssembledImage& image, const std::vector<oci::Reference>& names) {
    nlohmann::ordered_json metadata;
    if (!oci::is_index_type(image.manifest.media_type)) metadata["containerimage.config.digest"] = image_id(image);
    metadata["containerimage.descriptor"] = {{"mediaType", image.manifest.media_type},
                                             {"digest", image.manifest.digest.str()},
                                             {"size", image.manifest.size_bytes}};
    metadata["containerimage.digest"] = image.manifest.digest.str();
    std::string joined;
    for (const oci::Reference& name : names) joined += (joined.empty() ? "" : ",") + name.str();
    if (!joined.empty()) metadata["image.name"] = joined;
    return metadata.dump(2);
  }

  static void write_result_file(const std::string& path, const std::string& content) {
    builder::AtomicFile file(path);
    file.write(as_bytes(content));
    file.publish();
  }

  const BuildFlags& flags_;
  BuildInputs inputs_;
  Excerpts excerpts_;
  std::unique_ptr<TerminalProgress> progress_;
  Interrupts interrupts_;
  std::unique_ptr<cache::Store> store_;
  std::unique_ptr<cache::Lease> lease_;
  std::unique_ptr<oci::Registry> registry_;
  std::unique_ptr<builder::BaseImages> bases_;
  std::unique_ptr<builder::RemoteSources> sources_;
  ContextDigests digests_;
};

}  // namespace

int build_command(const BuildFlags& flags) {
  std::unique_ptr<BuildJob> job;
  try {
    job = std::make_unique<BuildJob>(flags);
    job->run();
    return 0;
  } catch (...) {  // reported once, here, where the Dockerfile's text is known
    const std::exception_ptr failure = std::current_exception();
    if (job) job->close_progress();
    return report(failure, job ? job->excerpts() : Excerpts());
  }
}

}  // namespace cooper::cmd
