// The rules of docs/architecture.md that can be read off the text: who includes whom, where each
// library lives, how long a file is, which calls are made where. Pure functions of (path, content),
// so that planted violations can prove that each rule bites.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cooper::architecture {

// The code folders, lowest first.
const std::vector<std::string>& code_folders();

// Replaces comments, and unless keep_strings the contents of string and character literals, by
// blanks; line numbers stay.
std::string blank_out(std::string_view content, bool keep_strings);

// Each finding reads "path:line: what is wrong". path is relative to the source root
// ("oci/digest.h").
std::vector<std::string> check_includes(const std::string& path, std::string_view content);
std::vector<std::string> check_calls(const std::string& path, std::string_view content);
std::vector<std::string> check_length(const std::string& path, std::string_view content);
// All of them.
std::vector<std::string> check_file(const std::string& path, std::string_view content);

}  // namespace cooper::architecture
