#include "cmd/app.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "base/descriptor_limit.h"
#include "base/error.h"
#include "cmd/build_flags.h"
#include "cmd/errors.h"
#include "cmd/image_commands.h"
#include "cmd/options_text.h"
#include "cmd/progress_plain.h"
#include "cmd/spelling.h"

namespace cooper::cmd {
namespace {

// What was typed, and what it asks to be done. One member per command that has options.
struct CommandLine {
  CLI::App app{"cooper builds OCI images from Dockerfiles: no daemon, no root, no set-up.", "cooper"};
  BuildFlags build;
  std::string reference;
  std::string target;
  FetchFlags fetch;
  std::string file;
  std::string format = "table";
  std::vector<std::string> references;
  PruneFlags prune;
  int retries = 3;
  bool flag = false;
  bool all = false;
  int exit_code = 0;
};

constexpr const char* kImageHelp = "Name, image ID, manifest digest, or the first digits of either (4 or more)";

constexpr const char* kQuietHelp = "Print the result and nothing else";

void add_quiet_and_limit(CLI::App& app, FetchFlags& flags) {
  app.add_flag("-q,--quiet", flags.quiet, kQuietHelp);
  add_store_limit(app, flags.store_limit);
}

void add_transfers(CommandLine& line) {
  CLI::App* pull = line.app.add_subcommand("pull", "Fetch an image into the local store");
  pull->add_option("image", line.reference)->required();
  pull->add_option("--platform", line.fetch.platform, "Platform to choose from an index");
  pull->add_option("--retries", line.fetch.retries)->envname("COOPER_RETRIES");
  add_quiet_and_limit(*pull, line.fetch);
  pull->callback([&line] { pull_image(line.reference, line.fetch); });

  CLI::App* push = line.app.add_subcommand("push", "Send a local image to a registry");
  push->add_option("image", line.reference, kImageHelp)->required();
  push->add_option("target", line.target, "Another name to push it under");
  push->add_option("--retries", line.retries)->envname("COOPER_RETRIES");
  push->add_flag("-q,--quiet", line.flag, kQuietHelp);
  push->callback([&line] { push_image(line.reference, line.target, line.retries, line.flag); });

  CLI::App* save = line.app.add_subcommand("save", "Write local images as one archive");
  save->add_option("image", line.references, kImageHelp)->required();
  take_equals_sign(save->add_option("-o,--output", line.file, "File (default: standard output)"));
  save->add_flag("--oci", line.flag, "OCI layout instead of docker's format");
  save->callback([&line] { save_images(line.references, line.file, line.flag, line.retries); });

  CLI::App* load = line.app.add_subcommand("load", "Read images from an archive");
  take_equals_sign(load->add_option("-i,--input", line.file, "File (default: standard input)"));
  add_quiet_and_limit(*load, line.fetch);
  load->callback([&line] { load_images(line.file, line.fetch); });
}

void add_names(CommandLine& line) {
  CLI::App* tag = line.app.add_subcommand("tag", "Give a local image another name");
  tag->add_option("source", line.reference, kImageHelp)->required();
  tag->add_option("target", line.target)->required();
  tag->callback([&line] { tag_image(line.reference, line.target, line.retries); });

  CLI::App* images = line.app.add_subcommand("images", "List local images");
  images->add_option("name", line.reference, "Only of this repository, or of this name and tag");
  images->add_flag("-q,--quiet", line.flag, "Print image IDs and nothing else");
  images->add_flag("-a,--all", line.all, "Also those built without a name");
  images->callback([&line] { list_images(line.reference, line.flag, line.all); });

  CLI::App* remove = line.app.add_subcommand("rmi", "Remove names of local images");
  remove->add_option("image", line.references, kImageHelp)->required();
  remove->add_flag("-f,--force", line.flag, "All names of an ID; what is absent is no failure");
  remove->callback([&line] { remove_images(line.references, line.flag); });

  CLI::App* inspect = line.app.add_subcommand("inspect", "Print an image's config as JSON");
  inspect->add_option("image", line.reference, kImageHelp)->required();
  inspect->add_flag("--raw", line.flag, "Print the manifest instead");
  inspect->callback([&line] { inspect_image(line.reference, line.flag); });
}

void add_prune_flags(CLI::App& app, CommandLine& line) {
  app.add_flag("-a,--all", line.prune.all, "Images with names too");
  app.add_flag("-f,--force", line.flag, "Accepted for docker's sake: prune never asks");
  app.add_flag("--keep-names", line.prune.keep_names, "Even with --all: images with names stay");
  app.add_option("--older-than", line.prune.older_than, "Only what was not used for so long: 48h");
  app.add_option("--keep", line.prune.keep, "Stop once the store is this small: 2g");
  app.callback([&line] { prune_store(line.prune); });
}

void add_store(CommandLine& line) {
  add_prune_flags(*line.app.add_subcommand("prune", "Remove what no image needs"), line);
  CLI::App* store = line.app.add_subcommand("store", "Look after the store");
  store->require_subcommand(1);
  CLI::App* verify = store->add_subcommand("verify", "Check every object again");
  verify->add_flag("--repair", line.flag, "Drop what is damaged");
  verify->callback([&line] { line.exit_code = verify_store(line.flag); });

  CLI::App* du = store->add_subcommand("du", "Tell what the store holds, and what prune would free");
  du->add_flag("-v,--verbose", line.flag, "Every blob, table, tree and cache mount, with its last use");
  du->add_option("--format", line.format, "table or json (in bytes, with every entry)")
      ->check(CLI::IsMember({"table", "json"}));
  du->callback([&line] { tell_store_usage(line.format, line.flag); });

  CLI::App* debug = line.app.add_subcommand("debug", "Look inside");
  debug->require_subcommand(1);
  CLI::App* ast = debug->add_subcommand("ast", "Print a Dockerfile's instructions as s-expressions");
  ast->add_option("file", line.file)->required();
  ast->callback([&line] { print_ast(line.file); });

  line.app.add_subcommand("version", "Print the version")->callback([] {
    std::cout << "cooper " << COOPER_VERSION << "\n";
  });
}

// Flags take a value after "=", which must be one (--pull=always is not).
void check_switches(CLI::App& app) {
  const CLI::Validator boolean(
      [](const std::string& text) -> std::string {
        try {
          static_cast<void>(parse_bool(text, "flag"));
          return "";
        } catch (const Error&) {
          return cat("takes true or false, not \"", text, "\"");
        }
      },
      "");
  for (CLI::Option* option : app.get_options()) {
    if (option->get_items_expected_max() == 0) option->check(boolean);
  }
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) check_switches(*command);
}

void add_commands(CommandLine& line) {
  line.app.require_subcommand(1);
  line.app.set_version_flag("--version", std::string("cooper ") + COOPER_VERSION);
  CLI::App* build = line.app.add_subcommand("build", "Build an image from a Dockerfile");
  add_build_flags(*build, line.build);
  build->callback([&line] { line.exit_code = build_command(line.build); });
  add_transfers(line);
  add_names(line);
  add_store(line);
  check_switches(line.app);
}

// What we were started without would be the number of the next file we open: a blob of the store would then get
// what is meant for standard error.
void take_missing_standard_files() {
  int fd = -1;
  do {
    // Read only: an archive for a closed standard output goes nowhere, and that is told.
    fd = ::open("/dev/null", O_RDONLY);  // NOLINT(android-cloexec-open): programs we start get them too
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) ::close(fd);
}

// What was printed is the result: one that nobody could read is a failure. A reader that left early is not, nor is a
// standard output that was closed from the start.
int flush_output(int exit_code) {
  errno = 0;
  if (std::cout.flush() || errno == EPIPE || errno == EBADF) return exit_code;
  std::cerr << "ERROR: writing standard output: " << std::strerror(errno == 0 ? EIO : errno) << "\n";
  return 3;
}

// A umask is about others. One that takes the owner's own rights would lock us out of our store.
void keep_owner_rights() { ::umask(::umask(S_IRWXG | S_IRWXO) & (S_IRWXG | S_IRWXO)); }

}  // namespace

int run(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  take_missing_standard_files();
  keep_owner_rights();
  raise_descriptor_limit();
  CommandLine line;
  add_commands(line);
  auto [words, notice] = in_our_words({argv + 1, argv + argc});
  if (!notice.empty()) std::cerr << "notice: " << notice << "\n";
  words = with_empty_values(line.app, words);
  std::reverse(words.begin(), words.end());  // CLI11 takes them last first
  try {
    line.app.parse(words);
    return flush_output(line.exit_code);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return line.app.exit(error);  // help, version
    std::cerr << "ERROR: " << printable_lines(usage_message(line.app, error)) << "\n";
    return 2;
  } catch (...) {  // every other failure is reported in one place
    return report(std::current_exception(), {});
  }
}

}  // namespace cooper::cmd
