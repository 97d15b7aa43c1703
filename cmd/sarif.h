// Findings for code scanning: SARIF 2.1.0 (OASIS), one run of one tool.
#pragma once

#include <string>

#include "cmd/answers.h"

namespace cooper::cmd {

std::string check_sarif(const CheckAnswer& answer, const AnswerSource& source);

}  // namespace cooper::cmd
