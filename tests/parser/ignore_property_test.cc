// Many patterns as one machine answer as each pattern held against each path by a plain matcher,
// over generated ignore files and paths.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/tree_path.h"
#include "parser/glob.h"
#include "parser/ignore.h"

namespace cooper::parser {
namespace {

// -- the plain matcher: tries every way in turn, in the words of IGNORE-07
class Plain {
 public:
  // beginning: is the text the beginning of something longer that the pattern matches?
  explicit Plain(bool beginning) : beginning_(beginning) {}

  bool matches(std::string_view pattern, std::string_view text, bool leading = true) const {
    if (pattern.empty()) return text.empty() && !beginning_;
    if (beginning_ && text.empty()) return true;
    if (pattern.starts_with("**")) return deep(pattern.substr(2), text, leading);
    if (pattern.front() == '*') return star(pattern.substr(1), text);
    if (text.empty()) return false;
    const std::string_view character = first(text);
    const std::string_view rest = text.substr(character.size());
    if (pattern.front() == '?') {
      return character != "/" && matches(pattern.substr(1), rest, false);
    }
    if (pattern.front() == '[') {
      const std::size_t end = pattern.find(']');
      return in_set(pattern.substr(1, end - 1), character) &&
             matches(pattern.substr(end + 1), rest, false);
    }
    if (pattern.front() == '\\') pattern.remove_prefix(1);
    const std::string_view literal = first(pattern);
    return literal == character && matches(pattern.substr(literal.size()), rest, false);
  }

 private:
  static std::string_view first(std::string_view text) {
    return text.substr(0, static_cast<unsigned char>(text.front()) < 0x80 ? 1 : 2);
  }

  // Single characters; ranges are left to the tables of glob_test.cc.
  static bool in_set(std::string_view set, std::string_view character) {
    const bool negated = set.front() == '^';
    if (negated) set.remove_prefix(1);
    bool found = false;
    for (; !set.empty(); set.remove_prefix(first(set).size())) found |= first(set) == character;
    return found != negated;
  }

  bool star(std::string_view rest, std::string_view text) const {
    for (;; text.remove_prefix(first(text).size())) {
      if (matches(rest, text, false)) return true;
      if (text.empty()) return beginning_;
      if (text.front() == '/') return false;
    }
  }

  bool deep(std::string_view rest, std::string_view text, bool leading) const {
    if (beginning_) return true;  // it may take all of the text and more
    const bool slash = rest.starts_with('/');
    if (slash) rest.remove_prefix(1);
    if (rest.empty()) return true;
    const bool any_end =
        leading && !slash && rest.find_first_of("*?[]\\") == std::string_view::npos;
    if (any_end) return text.ends_with(rest);
    if (matches(rest, text, false)) return true;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '/' && matches(rest, text.substr(at + 1), false)) return true;
    }
    return false;
  }

  bool beginning_;
};

struct PlainPattern {
  std::string text;
  bool exception;
};

PlainPattern plain(const std::string& line) {
  const bool exception = line.starts_with('!');
  return {line.substr(exception ? 1 : 0), exception};
}

// The path itself or a directory above it.
bool covers(const PlainPattern& pattern, const TreePath& path) {
  for (TreePath at = path; !at.is_root(); at = at.parent()) {
    if (Plain(false).matches(pattern.text, at.str())) return true;
  }
  return false;
}

struct Answer {
  bool excluded;
  bool may_include_beneath;
};

Answer one_by_one(const std::vector<PlainPattern>& patterns, const TreePath& path) {
  bool beneath = false;
  for (auto pattern = patterns.rbegin(); pattern != patterns.rend(); ++pattern) {
    if (covers(*pattern, path)) return {!pattern->exception, beneath};
    beneath |= pattern->exception && Plain(true).matches(pattern->text, path.str() + "/");
  }
  return {false, beneath};
}

// -- what is generated: few letters, so that much is alike and much matches
class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_()) % below; }

  std::string name() {
    std::string out;
    for (std::uint32_t left = 1 + pick(4); left > 0; --left) out += letter();
    return out == "." || out == ".." ? "a" : out;
  }

  TreePath path() {
    TreePath path;
    for (std::uint32_t left = 1 + pick(4); left > 0; --left) path = path.child(name());
    return path;
  }

  std::string line() { return (pick(3) == 0 ? "!" : "") + pattern(); }

 private:
  std::string letter() {
    static const std::vector<std::string> letters = {"a", "a", "a", "b", "b", ".", "\xC3\xA9"};
    return letters[pick(static_cast<std::uint32_t>(letters.size()))];
  }

  std::string set() {
    std::string out = pick(2) == 0 ? "[^" : "[";
    for (std::uint32_t left = 1 + pick(2); left > 0; --left) out += letter();
    return out + "]";
  }

  std::string part() {
    switch (pick(14)) {
      case 0:
      case 1:
      case 2:
        return "*";
      case 3:
        return "?";
      case 4:
        return set();
      case 5:
        return "\\" + letter();
      case 6:
        return "**";
      default:
        return letter();
    }
  }

  // A component, of a kind that files are full of, or of anything.
  std::string component() {
    switch (pick(8)) {
      case 0:
        return "**";
      case 1:
        return "*";
      case 2:
        return name() + "*";
      case 3:
        return "*" + name();
      case 4:
        return name();
      default:
        break;
    }
    std::string out;
    for (std::uint32_t left = 1 + pick(5); left > 0; --left) out += part();
    return out == "." || out == ".." ? "b" : out;
  }

  std::string pattern() {
    std::string out = component();
    for (std::uint32_t left = pick(4); left > 0; --left) out += "/" + component();
    return out;
  }

  std::mt19937 random_;
};

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += "\n" + line;
  return out;
}

void check_walk(const IgnorePatterns& patterns, const std::vector<PlainPattern>& alone,
                const TreePath& directory, Generator& generator) {
  const bool skipped = !patterns.may_include_beneath(directory);
  // Whatever one look at each pattern shows to be skippable is skipped.
  EXPECT_TRUE(skipped || one_by_one(alone, directory).may_include_beneath) << directory.str();
  for (int i = 0; skipped && i < 4; ++i) {
    const TreePath beneath = directory / generator.path();
    EXPECT_TRUE(one_by_one(alone, beneath).excluded)
        << directory.str() << " hides " << beneath.str();
  }
}

TEST(IgnoreProperty, IGNORE_04_05_06_07_many_patterns_answer_as_each_alone) {
  constexpr std::uint32_t kSeeds = 1000;
  for (std::uint32_t seed = 1; seed <= kSeeds && !HasFailure(); ++seed) {
    Generator generator(seed);
    std::vector<std::string> lines(1 + generator.pick(seed % 10 == 0 ? 60 : 8));
    std::generate(lines.begin(), lines.end(), [&] { return generator.line(); });
    SCOPED_TRACE(cat("seed ", seed, joined(lines)));
    const IgnorePatterns patterns(lines);
    std::vector<PlainPattern> alone;
    std::transform(lines.begin(), lines.end(), std::back_inserter(alone), plain);
    for (int i = 0; i < 30; ++i) {
      const TreePath path = generator.path();
      const bool excluded = patterns.excluded(path);
      EXPECT_EQ(excluded, one_by_one(alone, path).excluded) << path.str();
      if (excluded) check_walk(patterns, alone, path, generator);
    }
  }
}

TEST(IgnoreProperty, COPY_31_a_glob_alone_answers_as_the_plain_matcher) {
  constexpr std::uint32_t kSeeds = 20000;
  for (std::uint32_t seed = 1; seed <= kSeeds && !HasFailure(); ++seed) {
    Generator generator(seed);
    const PlainPattern pattern = plain(generator.line());
    const TreePath path = generator.path();
    EXPECT_EQ(glob_match_deep(pattern.text, path.str()),
              Plain(false).matches(pattern.text, path.str()))
        << "seed " << seed << ": " << pattern.text << " | " << path.str();
  }
}

}  // namespace
}  // namespace cooper::parser
