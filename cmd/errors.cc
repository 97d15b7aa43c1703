#include "cmd/errors.h"

#include <algorithm>
#include <iostream>
#include <new>
#include <system_error>

#include "builder/step_error.h"
#include "cmd/progress_plain.h"
#include "parser/excerpt.h"
#include "parser/source.h"

namespace cooper::cmd {
namespace {

void print_located(const Excerpts& excerpts, const std::vector<parser::SourceRange>& ranges,
                   const std::string& text) {
  std::cerr << printable_lines(
                   parser::source_excerpt(excerpts.dockerfile_name, excerpts.dockerfile_text, ranges))
            << "ERROR: " << printable_lines(text) << "\n";
}

int report_dockerfile(const parser::DockerfileError& error, const Excerpts& excerpts) {
  print_located(excerpts, error.ranges(), "failed to solve: " + message_of(error));
  return exit_code_of(error.code());
}

}  // namespace

std::string message_of(const parser::DockerfileError& error) {
  const int line = error.ranges().empty() ? 0 : error.ranges().front().first_line;
  if (!error.is_syntax() || line < 1) return error.what();
  return cat("dockerfile parse error on line ", line, ": ", error.what());
}

int exit_code_of(Errc code) {
  switch (code) {
    case Errc::step_failed:
    case Errc::not_found: return 1;
    case Errc::invalid:
    case Errc::unsupported: return 2;
    case Errc::corrupt:
    case Errc::denied:
    case Errc::network:
    case Errc::io: return 3;
    case Errc::cancelled: return 130;
  }
  return 3;
}

int report(const std::exception_ptr& failure, const Excerpts& excerpts) {
  try {
    std::rethrow_exception(failure);
  } catch (const parser::DockerfileError& error) {
    return report_dockerfile(error, excerpts);
  } catch (const builder::StepError& error) {
    std::cerr << excerpts.last_output;
    print_located(excerpts, {error.range()}, cat("failed to solve: ", error.what()));
    return exit_code_of(error.code());
  } catch (const Error& error) {
    std::cerr << "ERROR: " << printable_lines(error.what()) << "\n";
    return exit_code_of(error.code());
  } catch (const std::bad_alloc&) {
    std::cerr << "ERROR: out of memory\n";
    return 3;
  } catch (const std::system_error& error) {
    const bool few = error.code() == std::errc::resource_unavailable_try_again;
    std::cerr << "ERROR: " << (few ? "no more processes or threads here (`ulimit -u`, a container's pids limit): " : "")
              << printable_lines(error.what()) << "\n";
    return 3;
  } catch (const std::exception& error) {
    std::cerr << "ERROR: internal: " << error.what() << "\n";
    return 3;
  }
}

}  // namespace cooper::cmd
