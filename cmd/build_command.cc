#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <iostream>
#include <thread>

#include "base/error.h"
#include "builder/assemble.h"
#include "builder/context.h"
#include "builder/early_archive.h"
#include "builder/executor.h"
#include "builder/export.h"
#include "builder/fold.h"
#include "builder/sandbox/identity.h"
#include "builder/sources/main_context.h"
#include "builder/tree_file.h"
#include "builder/tree_place.h"
#include "cmd/build_flags.h"
#include "cmd/build_inputs.h"
#include "cmd/destinations.h"
#include "cmd/errors.h"
#include "cmd/failure_tail.h"
#include "cmd/local_images.h"
#include "cmd/progress_plain.h"
#include "cmd/questions.h"
#include "cmd/session.h"
#include "cmd/store_access.h"
#include "cmd/target_results.h"
#include "parser/dockerfile.h"
#include "parser/suggest.h"
#include "parser/text.h"

namespace cooper::cmd {
namespace {

// Written down in about the time that a thread takes to start, below these.
constexpr std::size_t kManyDigests = 1024;

// One build from parsed flags to exported results: a list of named steps.
class BuildJob {
 public:
  explicit BuildJob(const BuildFlags& flags) : flags_(flags), inputs_(read_build_inputs(flags)) {}

  Excerpts excerpts() {
    excerpts_.last_output = tail_ ? tail_->text() : "";
    return excerpts_;
  }

  // Returns the exit code.
  int run() {
    progress_ = make_progress(flags_.quiet ? ProgressMode::quiet : parse_progress(flags_.progress));
    tail_ = std::make_unique<FailureTail>(*progress_);
    for (const std::string& flag : flags_.ignored) progress_->notice(flag + " means nothing here and is ignored");
    tell_limits();
    if (inputs_.call.kind == Call::Kind::build) {
      check_destinations(inputs_.results);
      drop_stale_files(inputs_.results);
    }
    const DockerfileText file = find_dockerfile();
    inputs_.plan.ignored = [&] { return ignored(file) ? &*ignored_ : nullptr; };
    inputs_.plan.context_time_unknown = inputs_.context.remote.has_value();
    // Before parsing: what another frontend reads is another language.
    builder::check_frontend(parser::find_syntax(file.text), inputs_.plan.build_args);
    if (inputs_.call.is_question()) {
      const auto bases = [&]() -> builder::BaseResolver& { return open(), *bases_; };
      const AnswerSource source{file.shown_name, file.path ? file.path->string() : "", file.text};
      return answer({inputs_.call, source, inputs_.plan, bases}, *progress_);
    }
    const parser::Dockerfile dockerfile = parser::parse_dockerfile(file.shown_name, file.text);
    tell_unknown_stages(dockerfile);
    const builder::Plan plan = make_plan(dockerfile);
    sources_->set_epoch(plan.source_date_epoch);
    if (inputs_.call.kind == Call::Kind::plan) {
      std::cout << (inputs_.call.format == Call::Format::dot ? plan_dot(plan) : plan_text(plan));
      return 0;
    }
    check_all_annotations(plan);
    tail_->planned(plan);
    const auto results = execute(plan, file);
    finish(plan, results);
    try {
      trees_->close();
    } catch (const Error& error) {
      progress_->notice(error.message());
    }
    progress_->close();
    return 0;
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

  // --no-cache-filter: a stage that is not there would be taken from the cache under another name.
  void tell_unknown_stages(const parser::Dockerfile& dockerfile) {
    std::vector<std::string> stages;
    for (const parser::Instruction& instruction : dockerfile.instructions) {
      const auto* from = std::get_if<parser::From>(&instruction);
      if (from != nullptr) stages.push_back(from->stage.empty() ? std::to_string(stages.size()) : from->stage);
    }
    for (const std::string& name : inputs_.plan.no_cache_stages) {
      if (std::find(stages.begin(), stages.end(), parser::to_lower(name)) != stages.end()) continue;
      progress_->notice(cat("--no-cache-filter: there is no stage \"", name, "\"",
                            parser::did_you_mean(parser::find_suggestion(parser::to_lower(name), stages))));
    }
  }

  void open() {
    if (store_) return;
    store_ = open_store_within(flags_.store_limit, [this](const std::string& line) { progress_->notice(line); });
    lease_ = store_->lease();
    trees_ = std::make_unique<builder::TreePlace>(*store_, flags_.scratch);
    registry_ = open_registry(flags_.retries, interrupts_.token());
    bases_ = std::make_unique<builder::BaseImages>(*store_, *registry_, *progress_, inputs_.pull, additional_stores());
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

  // The store stays closed for a question that needs nothing but a Dockerfile at hand.
  DockerfileText find_dockerfile() {
    const bool local = dockerfile_is_local(flags_, inputs_.context);
    DockerfileText file;
    if (local) file = read(nullptr);
    if (!inputs_.call.is_question() || !local || !inputs_.context.directory) open();
    std::optional<builder::FetchedContext> fetched;
    if (!inputs_.context.directory) fetched = load_context();
    if (!local || (fetched && fetched->dockerfile_text)) file = read(fetched ? &*fetched : nullptr);
    if (fetched) inputs_.plan.main_context = fetched->source;
    return file;
  }

  DockerfileText read(const builder::FetchedContext* fetched) {
    DockerfileText file = checked_dockerfile(is_url(flags_.file) ? download_dockerfile() : read_dockerfile(flags_, fetched));
    excerpts_ = {file.shown_name, file.text, ""};
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

  // Findings are told whether or not the plan can be made.
  builder::Plan make_plan(const parser::Dockerfile& dockerfile) {
    parser::Findings findings(check_options(dockerfile, inputs_.plan));
    std::optional<builder::Plan> plan;
    std::exception_ptr failure;
    try {
      plan = builder::make_plan(dockerfile, inputs_.plan, *bases_, findings);
    } catch (...) {  // rethrown below
      failure = std::current_exception();
    }
    for (const parser::Diagnostic& finding : findings.sorted()) {
      progress_->warning(parser::short_text(finding));
      if (flags_.quiet && findings.fails_build()) std::cerr << "warning: " << printable(short_text(finding)) << "\n";
    }
    if (failure) std::rethrow_exception(failure);
    if (findings.fails_build()) throw Error(Errc::step_failed, "failed to solve: " + findings.failure());  // CHECK-25
    return std::move(*plan);
  }

  // The main context's. Read once, when the first COPY or ADD asks.
  const std::optional<parser::IgnorePatterns>& ignored(const DockerfileText& file) {
    if (!ignore_read_ && inputs_.context.directory) ignored_ = builder::read_ignore_file(context_options("", file));
    ignore_read_ = true;
    return ignored_;
  }

  std::vector<builder::StepResult> execute(const builder::Plan& plan, const DockerfileText& file) {
    builder::ExecuteOptions options;
    options.compression = inputs_.compression;
    options.snapshotter = inputs_.snapshotter;
    options.trees = trees_.get();
    options.keep_xattrs = flags_.keep_xattrs;
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
      begun_ = builder::EarlyArchive::begin(plan, inputs_.results.front().outputs, *store_, interrupts_.token());
    };
    return builder::execute(plan, *store_, *bases_, *tail_, options, interrupts_.token());
  }

  // Whether an output is files, which trees are unpacked for.
  bool flattens() const {
    return any_output([](const builder::Output& output) {
      return output.kind == builder::Output::Kind::local || output.kind == builder::Output::Kind::tar;
    });
  }

  static bool has_network_step(const builder::Plan& plan) {
    return std::any_of(plan.steps.begin(), plan.steps.end(), [](const builder::Step& step) {
      const auto* run = std::get_if<builder::RunStep>(&step.operation);
      return run != nullptr && run->network == builder::Network::host;
    });
  }

  builder::ContextOptions context_options(const std::string& name, const DockerfileText& file) const {
    builder::ContextOptions options;
    options.directory = name.empty() ? *inputs_.context.directory
                                     : std::filesystem::path(inputs_.plan.named_contexts.at(name).value);
    if (!std::filesystem::is_directory(options.directory)) {  // CTX-11: a named one was not looked at before
      throw Error(Errc::invalid, cat("context ", name, ": no such directory: ", options.directory.string()));
    }
    if (name.empty()) options.dockerfile = file.path;
    options.threads = inputs_.threads;
    options.keep_xattrs = flags_.keep_xattrs;
    return options;
  }

  std::shared_ptr<const layers::Tree> open_context(const std::string& name, const DockerfileText& file) {
    builder::ContextOptions options = context_options(name, file);
    options.memory = digests_.open(*store_, options.directory,
                                   flags_.no_cache ? layers::Recall::anew : layers::Recall::all);
    return builder::open_local_context(options, name.empty() ? ignored(file) : builder::read_ignore_file(options));
  }

  // Every target is assembled and exported, then all are told.
  void finish(const builder::Plan& plan, const std::vector<builder::StepResult>& results) {
    builder::Materializer materializer(*store_, *bases_);
    FdSink standard_output(STDOUT_FILENO, "standard output");
    if (flattens()) {
      materializer.set_mapping(builder::enter_build_namespace().mapping, layers::Hiding::left_out);  // files are all we need
      materializer.keep_trees_in(trees_->trees());
    }
    const auto takes_time = [](const builder::Output& output) { return output.kind != builder::Output::Kind::image || output.push; };
    if (any_output(takes_time)) interrupts_.watch();  // where nothing ran, only now
    // Beside the export where it takes a while.
    const bool few = digests_.unsaved() < kManyDigests;
    const auto when = few ? std::launch::deferred : std::launch::async | std::launch::deferred;
    auto saved = std::async(when, [this] { digests_.save(); });
    const auto folded = fold(plan, results, materializer);
    const auto& published = folded ? *folded : results;
    std::vector<builder::AssembledImage> images;
    for (std::size_t i = 0; i < plan.targets.size(); ++i) {
      const builder::PlannedTarget& target = plan.targets[i];
      const auto assembled = [&](const std::vector<builder::Annotation>& annotations) {
        return builder::assemble(target, published, plan.source_date_epoch, annotations, *store_);
      };
      images.push_back(assembled(inputs_.annotations));
      const auto rootfs = builder::exported_rootfs(target, results);
      std::vector<builder::PlannedLayer> layers;
      for (const auto& each : builder::exported_rootfs(target, published)) {
        const auto& own = each.rootfs.layers();
        layers.insert(layers.end(), own.begin(), own.end());
      }
      builder::FetchingBlobs blobs(*store_, *bases_, layers);
      const builder::ExportEnvironment environment{*store_,     blobs,            *registry_,            materializer,
                                                   *progress_, &standard_output, plan.source_date_epoch, begun_.get()};
      for (const builder::Output& output : inputs_.results.at(i).outputs) {
        builder::export_image(output.annotations.empty() ? images.back() : assembled(annotations_for(output)), rootfs,
                              output, environment, interrupts_.token());
      }
    }
    saved.get();
    remember(images);
    tell(images);
  }

  // As docker does: what goes nowhere else can be called by its ID.
  void remember(const std::vector<builder::AssembledImage>& images) {
    for (std::size_t i = 0; i < images.size(); ++i) {
      if (!inputs_.results[i].names.empty() || (!flags_.outputs.empty() && !flags_.load)) continue;
      remember_unnamed(*store_, images[i].manifest, images[i].config.created);
    }
  }

  // What is assembled instead of the steps' own layers, if anything is. Files are exported from those, which show the same.
  std::optional<std::vector<builder::StepResult>> fold(const builder::Plan& plan, const std::vector<builder::StepResult>& results,
                                        builder::Materializer& materializer) {
    layers::CompressionSpec compression = inputs_.compression;
    compression.threads = inputs_.threads;
    const builder::FoldContext context{*store_, materializer, *progress_, compression};
    if (flags_.fold_metadata) return builder::fold_metadata(plan, results, context, interrupts_.token());
    builder::hint_at_folding(plan, results, context);
    return std::nullopt;
  }

  template <class Predicate>
  bool any_output(Predicate predicate) const {
    return std::any_of(inputs_.results.begin(), inputs_.results.end(), [&](const TargetResult& result) {
      return std::any_of(result.outputs.begin(), result.outputs.end(), predicate);
    });
  }

  std::vector<builder::Annotation> annotations_for(const builder::Output& output) const {
    std::vector<builder::Annotation> all = inputs_.annotations;
    all.insert(all.end(), output.annotations.begin(), output.annotations.end());
    return all;
  }

  // Before anything runs: what belongs nowhere.
  void check_all_annotations(const builder::Plan& plan) const {
    for (std::size_t i = 0; i < plan.targets.size(); ++i) {
      builder::check_annotations(plan.targets[i], inputs_.annotations);
      for (const builder::Output& output : inputs_.results.at(i).outputs) {
        builder::check_annotations(plan.targets[i], annotations_for(output));
      }
    }
  }

  // Files and standard output, only after every export succeeded (OUT-22).
  void tell(const std::vector<builder::AssembledImage>& images) {
    for (const ResultFile& file : result_files(inputs_.results, images)) write_result_file(file.path, file.content);
    std::string lines;
    for (std::size_t i = 0; i < images.size(); ++i) {
      const std::string name = images.size() > 1 ? parser::to_lower(inputs_.results[i].target) + " " : "";
      lines += (flags_.quiet ? images[i].id.str() : name + images[i].manifest.digest.str()) + "\n";
    }
    if (!any_output([](const builder::Output& output) { return output.to_stdout; })) std::cout << lines;
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
  std::unique_ptr<FailureTail> tail_;
  Interrupts interrupts_;
  std::unique_ptr<cache::Store> store_;
  std::unique_ptr<cache::Lease> lease_;
  std::unique_ptr<builder::TreePlace> trees_;
  std::unique_ptr<oci::Registry> registry_;
  std::unique_ptr<builder::BaseImages> bases_;
  std::unique_ptr<builder::RemoteSources> sources_;
  std::unique_ptr<builder::EarlyArchive> begun_;
  ContextDigests digests_;
  std::optional<parser::IgnorePatterns> ignored_;
  bool ignore_read_ = false;
};

}  // namespace

int build_command(const BuildFlags& flags) {
  std::unique_ptr<BuildJob> job;
  try {
    job = std::make_unique<BuildJob>(flags);
    return job->run();
  } catch (...) {  // reported once, here, where the Dockerfile's text is known
    const std::exception_ptr failure = std::current_exception();
    if (job) job->close_progress();
    return report(failure, job ? job->excerpts() : Excerpts());
  }
}

}  // namespace cooper::cmd
