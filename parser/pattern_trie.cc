#include "parser/pattern_trie.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "parser/utf8.h"

namespace cooper::parser {
namespace {

// A state behind such a token begins together with the one before it.
bool takes_nothing(GlobKind kind) {
  return kind == GlobKind::star || kind == GlobKind::deep_star || kind == GlobKind::deep_open;
}

// Does a state behind such a token remain when the character comes?
bool stays(GlobKind entered, char32_t character) {
  return takes_nothing(entered) && (entered != GlobKind::star || character != U'/');
}

char32_t next_character(std::string_view text, std::size_t& at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte >= 0x80) return decode_utf8(text, at);
  ++at;
  return byte;
}

}  // namespace

// Level by level: the patterns are sorted, so that those that lead to one state are a range.
class PatternTrie::Builder {
 public:
  Builder(PatternTrie& trie, const std::vector<Pattern>& patterns)
      : trie_(trie), patterns_(patterns), order_(patterns.size()) {
    std::iota(order_.begin(), order_.end(), Number{0});
    std::sort(order_.begin(), order_.end(), [&](Number left, Number right) {
      return std::tie(patterns[left].tokens, left) < std::tie(patterns[right].tokens, right);
    });
  }

  void run() && {
    std::size_t most = 1;
    for (const Pattern& pattern : patterns_) most += pattern.tokens.size();
    trie_.states_.reserve(most + 1);
    trie_.edges_.reserve(most);
    add_state(GlobKind::literal, {0, count(order_), 0});
    for (StateId state = 0; state < trie_.states_.size(); ++state) add_edges(state);
    trie_.states_.push_back({.literals = count(trie_.edges_)});
    look_ahead();
  }

 private:
  struct Share {  // patterns order_[first, last), of which `depth` tokens are read
    std::uint32_t first;
    std::uint32_t last;
    std::uint32_t depth;
  };

  template <class Items>
  static std::uint32_t count(const Items& items) {
    return static_cast<std::uint32_t>(items.size());
  }

  StateId add_state(GlobKind entered, const Share& share) {
    State state{.entered = entered};
    if (takes_nothing(entered) || entered == GlobKind::deep_body) state.meeting = ++trie_.meetings_;
    trie_.states_.push_back(state);
    shares_.push_back(share);
    return count(trie_.states_) - 1;
  }

  void add_edges(StateId id) {
    const Share share = shares_[id];
    State& state = trie_.states_[id];  // there is room: nothing moves
    std::uint32_t at = share.first;
    for (; at < share.last && tokens(at).size() == share.depth; ++at)
      state.accepts = order_[at] + 1;
    state.literals = state.others = count(trie_.edges_);
    while (at < share.last) {
      const GlobToken token = tokens(at)[share.depth];
      const std::uint32_t first = at;
      while (at < share.last && tokens(at)[share.depth] == token) ++at;
      trie_.edges_.push_back({token, add_state(token.kind, {first, at, share.depth + 1})});
      if (token.kind == GlobKind::literal) state.others = count(trie_.edges_);
    }
  }

  // Children first.
  void look_ahead() {
    for (std::size_t id = trie_.states_.size() - 1; id-- > 0;) {
      State& state = trie_.states_[id];
      state.last_beyond = state.accepts;
      if (takes_nothing(state.entered)) state.exception_beyond = accepted_exception(state);
      for (auto edge = state.literals; edge < trie_.states_[id + 1].literals; ++edge) {
        StateId& next = trie_.edges_[edge].target;
        const State& target = trie_.states_[next];
        state.last_beyond = std::max(state.last_beyond, target.last_beyond);
        state.exception_beyond =
            std::max({state.exception_beyond, target.exception_beyond, accepted_exception(target)});
        if (only_leads_to_star(next)) next = trie_.edges_[target.literals].target;
      }
    }
  }

  bool only_leads_to_star(StateId id) const {
    const State& state = trie_.states_[id];
    if (state.accepts > 0 || trie_.states_[id + 1].literals != state.literals + 1) return false;
    const GlobKind kind = trie_.edges_[state.literals].token.kind;
    return takes_nothing(kind) && kind != GlobKind::deep_open && !takes_nothing(state.entered);
  }

  Number accepted_exception(const State& state) const {
    return state.accepts > 0 && patterns_[state.accepts - 1].exception ? state.accepts : 0;
  }

  const std::vector<GlobToken>& tokens(std::uint32_t at) const {
    return patterns_[order_[at]].tokens;
  }

  PatternTrie& trie_;
  const std::vector<Pattern>& patterns_;
  std::vector<Number> order_;
  std::vector<Share> shares_;  // by state
};

// The states that a path has led to, and the last pattern that matched it so far.
class PatternTrie::Run {
 public:
  explicit Run(const PatternTrie& trie) : trie_(trie), seen_(trie.meetings_ + 1) {
    if (trie_.states_.empty()) return;
    add(0);
    close();
  }

  // False when no state is left that could make a difference.
  bool read(std::string_view path) {
    for (std::size_t at = 0; at < path.size();) {
      if (path[at] == '/') end_component();
      step(next_character(path, at));
      if (next_.empty()) return false;
    }
    return true;
  }

  // The text so far is a path that matches what has been read to the end.
  void end_component() {
    for (const StateId id : next_) matched_ = std::max(matched_, trie_.states_[id].accepts);
  }

  Number matched() const { return matched_; }

  // Could an exception behind that pattern match something longer?
  bool exception_beyond(Number pattern) const {
    return std::any_of(next_.begin(), next_.end(),
                       [&](StateId id) { return trie_.states_[id].exception_beyond > pattern; });
  }

 private:
  void step(char32_t character) {
    now_.swap(next_);
    next_.clear();
    for (const StateId id : now_) follow(id, character);
    close();
  }

  void follow(StateId id, char32_t character) {
    const State& state = trie_.states_[id];
    if (stays(state.entered, character)) add(id);
    const auto edge = trie_.edges_.begin();
    const auto others = edge + state.others;
    const auto literal =
        std::lower_bound(edge + state.literals, others, character,
                         [](const Edge& left, char32_t right) { return left.token.value < right; });
    if (literal != others && literal->token.value == character) add(literal->target);
    for (auto other = others; other != edge + trie_.states_[id + 1].literals; ++other) {
      // What is inside of "**/" is taken by the state before it, which stays; its end leads on.
      if (other->token.kind == GlobKind::deep_body && character != U'/') continue;
      if (takes_nothing(other->token.kind)) continue;
      if (accepts(other->token, character, trie_.sets_)) add(other->target);
    }
  }

  // Adds the states that begin together with those there are, and makes ready for the next step.
  void close() {
    for (std::size_t i = 0; i < next_.size(); ++i) {  // it grows
      const StateId id = next_[i];
      const auto end = trie_.states_[id + 1].literals;
      for (auto edge = trie_.states_[id].others; edge < end; ++edge) {
        const Edge& other = trie_.edges_[edge];
        if (!takes_nothing(other.token.kind)) continue;
        add(other.target);
        // Behind "**/" too: it may be no directory at all. That state has this one edge.
        if (other.token.kind == GlobKind::deep_open) {
          add(trie_.edges_[trie_.states_[other.target].others].target);
        }
      }
    }
    for (const StateId id : next_) seen_[trie_.states_[id].meeting] = false;
  }

  void add(StateId id) {
    const State& state = trie_.states_[id];
    if (state.last_beyond <= matched_ || seen_[state.meeting]) return;
    next_.push_back(id);
    if (state.meeting == 0) return;
    seen_[state.meeting] = true;
    // A star at the end takes whatever the component goes on with.
    if (takes_nothing(state.entered)) matched_ = std::max(matched_, state.accepts);
  }

  const PatternTrie& trie_;
  Number matched_ = 0;
  std::vector<StateId> now_;
  std::vector<StateId> next_;
  std::vector<bool> seen_;  // by State::meeting
};

PatternTrie::PatternTrie(const std::vector<Pattern>& patterns, CharacterSets sets)
    : sets_(std::move(sets)) {
  Builder(*this, patterns).run();
}

PatternTrie::Number PatternTrie::last_match(std::string_view path) const {
  Run run(*this);
  if (run.read(path)) run.end_component();
  return run.matched();
}

bool PatternTrie::exception_beneath(std::string_view directory) const {
  Run run(*this);
  if (directory.empty()) return run.exception_beyond(0);
  if (!run.read(directory)) return false;
  run.end_component();
  const Number decides = run.matched();
  return run.read("/") && run.exception_beyond(decides);
}

}  // namespace cooper::parser
