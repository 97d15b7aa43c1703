// Where words are expanded, and with what (rows EXP-*).
#include <gtest/gtest.h>

#include "builder/scope.h"
#include "tests/builder/plan_fixture.h"

namespace cooper::builder {
namespace {

TEST(Expansion, EXP_17_every_place_that_is_expanded) {
  FakeResolver resolver;
  const Plan plan = plan_of(
      "ARG NAME=busybox P=linux/amd64 Q=$P\n"
      "FROM --platform=$Q $NAME\n"
      "ENV v=x\n"
      "ARG a=$v\n"
      "ENV k$v=$v\n"
      "LABEL l$v=$v\n"
      "COPY --chown=$v:1 --chmod=${v:+755} $v.txt /$v/\n"
      "ADD --chown=$v:2 --chmod=${v:+644} $v.txt /$v\n"
      "COPY <<EOF /$v.doc\n$v\nEOF\n"
      "WORKDIR /w$v\n"
      "USER u$v\n"
      "VOLUME /v$v\n"
      "EXPOSE 8${v:+0}\n"
      "STOPSIGNAL ${v:+TERM}\n"
      "RUN $v\n",
      amd64_options(), resolver);
  EXPECT_EQ(resolver.asked, Words{"busybox linux/amd64"});
  const oci::ImageConfig& config = plan.result().config;
  EXPECT_EQ(config.env, (Words{"PATH=/bin", "A=base", "v=x", "kx=x"}));
  EXPECT_EQ(config.labels.at("lx"), "x");
  EXPECT_EQ(config.working_dir, "/wx");
  EXPECT_EQ(config.user, "ux");
  EXPECT_EQ(config.volumes, std::set<std::string>{"/vx"});
  EXPECT_EQ(config.exposed_ports, std::set<std::string>{"80/tcp"});
  EXPECT_EQ(config.stop_signal, "TERM");
  EXPECT_EQ(steps_of<RunStep>(plan).at(0).environment.words(), (Words{"PATH=/bin", "A=base", "v=x", "a=x", "kx=x"}));
  const auto copies = steps_of<CopyStep>(plan);
  ASSERT_EQ(copies.size(), 3U);
  EXPECT_EQ(copies[0].chown + " " + copies[0].chmod + " " + copies[0].destination, "x:1 755 /x/");
  EXPECT_EQ(copies[0].sources.at(0).patterns, Words{"x.txt"});
  EXPECT_EQ(copies[1].chown + " " + copies[1].chmod + " " + copies[1].destination, "x:2 644 /x");
  EXPECT_EQ(copies[1].sources.at(0).patterns, Words{"x.txt"});
  EXPECT_EQ(copies[2].heredocs.at(0).second, "x\n");
  EXPECT_EQ(copies[2].destination, "/x.doc");
}

TEST(Expansion, EXP_18_flags_that_are_not) {
  const Plan plan = plan_of(
      "FROM scratch\nENV v=1\nMAINTAINER $v\nCOPY --exclude=$v a /\nRUN [\"$v\"]\nRUN <<EOF\n$v\nEOF\n"
      "HEALTHCHECK CMD [\"$v\"]\nCMD [\"$v\"]\nENTRYPOINT $v\n");
  EXPECT_EQ(plan.result().config.author, "$v");
  EXPECT_EQ(steps_of<CopyStep>(plan).at(0).excludes, Words{"$v"});
  EXPECT_EQ(steps_of<RunStep>(plan).at(0).argv, Words{"$v"});
  EXPECT_EQ(steps_of<RunStep>(plan).at(1).argv.back(), "$v\n");
  EXPECT_EQ(plan.result().config.healthcheck->test, (Words{"CMD", "$v"}));
  EXPECT_EQ(plan.result().config.cmd, Words{"$v"});
  EXPECT_EQ(plan.result().config.entrypoint->back(), "$v");
  EXPECT_HAS(failure_of("FROM scratch\nENV n=none\nRUN --network=$n x\n").message, "invalid network mode \"$n\"");
  EXPECT_HAS(failure_of("FROM scratch\nENV s=sandbox\nRUN --security=$s x\n").message, "security \"$s\" is not valid");
  EXPECT_HAS(failure_of("FROM scratch\nENV b=true\nCOPY --link=$b a b\n").message, "expecting boolean value");
}

TEST(Expansion, EXP_20_every_word_sees_the_environment_from_before) {
  const Plan plan = plan_of("FROM scratch\nENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc\nLABEL a=$def b=$ghi\n");
  EXPECT_EQ(plan.result().config.labels.at("a"), "hello");
  EXPECT_EQ(plan.result().config.labels.at("b"), "bye");
}

TEST(Expansion, EXP_21_a_value_stays_one_word) {
  const Plan plan = plan_of("FROM scratch\nENV v=\"a b\"\nCOPY $v /$v/\nVOLUME $v\nWORKDIR $v\n");
  const auto copy = steps_of<CopyStep>(plan).at(0);
  EXPECT_EQ(copy.sources.at(0).patterns, Words{"a b"});
  EXPECT_EQ(copy.destination, "/a b/");
  EXPECT_EQ(plan.result().config.volumes, std::set<std::string>{"a b"});
  EXPECT_EQ(plan.result().config.working_dir, "/a b");
}

TEST(Expansion, EXP_24_json_forms_element_by_element) {
  const Plan plan = plan_of(
      "FROM scratch\nENV v=\"x y\"\nCOPY [\"$v\", \"b$v\", \"/$v/\"]\nADD [\"$v\", \"/d\"]\nVOLUME [\"/$v\", \"/z\"]\n");
  const auto copies = steps_of<CopyStep>(plan);
  EXPECT_EQ(copies.at(0).sources.at(0).patterns, (Words{"x y", "bx y"}));
  EXPECT_EQ(copies.at(0).destination, "/x y/");
  EXPECT_EQ(copies.at(1).sources.at(0).patterns, Words{"x y"});
  EXPECT_EQ(plan.result().config.volumes, (std::set<std::string>{"/x y", "/z"}));
}

TEST(Expansion, EXP_16_errors_have_the_instructions_lines) {
  const auto failure = failure_of("FROM scratch\nENV a=1\nLABEL x='open\n");
  EXPECT_HAS(failure.message, "looking for matching single-quote");
  EXPECT_EQ(failure.ranges, (std::vector<parser::SourceRange>{{3, 3}}));
}

TEST(Labels, LABEL_01_pairs_expansion_and_continuation) {
  const auto labels = [](const std::string& line) {
    return plan_of("FROM scratch\nENV k=K v=\"V W\"\nLABEL " + line + "\n").result().config.labels;
  };
  using Map = std::map<std::string, std::string>;
  EXPECT_EQ(labels("a=1 \"b c\"='d e' f=g\\ h"), (Map{{"a", "1"}, {"b c", "d e"}, {"f", "g h"}}));
  EXPECT_EQ(labels("$k=$v x.$k=\"<$v>\" '$k'=lit"), (Map{{"K", "V W"}, {"x.K", "<V W>"}, {"$k", "lit"}}));
  EXPECT_EQ(labels("long=\"one \\\n  two\" n=1 \\\n m=2"), (Map{{"long", "one   two"}, {"m", "2"}, {"n", "1"}}));
  EXPECT_EQ(labels("old the  whole = line"), (Map{{"old", "the  whole = line"}}));
}

}  // namespace
}  // namespace cooper::builder
