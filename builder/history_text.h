// created_by texts of history entries (rows IMG-03, RUN-22, COPY-37, CMD-06, HEALTH, …).
#pragma once

#include <string>
#include <vector>

#include "builder/plan.h"
#include "parser/instruction.h"

namespace cooper::builder {

std::string join_words(const std::vector<std::string>& words, char separator = ' ');
// ["a" "b"], as the field prints lists of words.
std::string quoted_list(const std::vector<std::string>& words);
// [a b]
std::string bracketed(const std::vector<std::string>& words);
std::string healthcheck_text(const oci::Healthcheck& check);
// "COPY --chown=1 a b /d/ # buildkit", continuing what holds the keyword; sources and destination after expansion.
std::string copy_text(std::string keyword, const CopyStep& step, const std::vector<std::string>& sources,
                      const std::vector<parser::Heredoc>& heredocs, const std::string& destination);

}  // namespace cooper::builder
