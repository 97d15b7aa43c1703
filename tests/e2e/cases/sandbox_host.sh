# A step can't change the host, and its limits bind.
make_busybox
panic=$(cat /proc/sys/kernel/panic)
core=$(cat /proc/sys/kernel/core_pattern)
mkdir c
cat >c/Dockerfile <<'D'
FROM busybox
RUN ! echo 77 >/proc/sys/kernel/panic
RUN ! echo /evil >/proc/sys/kernel/core_pattern
RUN ! mount -t tmpfs none /tmp && ! mknod /dev/evil b 8 0 && ! hostname evil
RUN test "$(id -u)" = 0 && touch /owned && chown 1000:1000 /owned && test "$(stat -c %u /owned)" = 1000
D
build c 2>/dev/null >/dev/null
equal "$(cat /proc/sys/kernel/panic)" "$panic"
equal "$(cat /proc/sys/kernel/core_pattern)" "$core"
# Devices are the host's: they are read and written, and nothing of them changes, not even where root of the step is root
# of the host (a store whose file system maps no ids).
cat >c/Devices <<'D'
FROM busybox
RUN echo gone >/dev/null && dd if=/dev/zero of=/dev/null bs=10 count=1 && head -c 1 /dev/urandom >/dev/null
RUN ! touch /dev/full && ! chmod 600 /dev/full && ! chown 1:1 /dev/full && ! rm -f /dev/full
D
full=$(stat -c '%a %u:%g %Y %Z' /dev/full)
build -f c/Devices c 2>/dev/null >/dev/null
equal "$(stat -c '%a %u:%g %Y %Z' /dev/full)" "$full" "the host's /dev/full"
if [ "$(id -u)" = 0 ]; then
  mkdir ram && mount -t ramfs none ram
  trap 'umount -l "$PWD/ram"' EXIT
  cooper save -o busybox.tar busybox
  COOPER_ROOT=$PWD/ram/store cooper load -q -i busybox.tar >/dev/null
  COOPER_ROOT=$PWD/ram/store cooper build --pull=false --network=host -q -f c/Devices c >/dev/null
  equal "$(stat -c '%a %u:%g %Y %Z' /dev/full)" "$full" "the host's /dev/full, on a store without id maps"
  umount "$PWD/ram"
  trap - EXIT
fi
# What starts a step's program is no file of the host: a loader that the image has for it cannot change cooper.
if [ "$(uname -m)" = x86_64 ]; then
  cat >loader.c <<'C'
__asm__(".globl _start\n_start: lea path(%rip), %rdi\n mov $0700, %esi\n mov $90, %eax\n syscall\n"
        " mov $42, %edi\n mov $231, %eax\n syscall\npath: .asciz \"/proc/self/exe\"\n");
C
  cc -nostdlib -static-pie -o c/loader loader.c
  printf '#!/proc/self/exe\n' >c/script && chmod 755 c/script
  cp "$COOPER" own && chmod 755 own
  for program in '"/proc/self/exe","9"' '"/script"' '"linked"'; do
    printf 'FROM busybox\nCOPY loader /lib64/ld-linux-x86-64.so.2\nCOPY script /\nRUN ln -s /proc/self/exe /bin/linked\nRUN [%s]\n' \
      "$program" >c/Own
    COOPER=$PWD/own exits 1 cooper build --pull=false --network=host -f c/Own c
    contains "$(cat err)" "exit code: 127"
    equal "$(stat -c %a own)" 755 "mode of the program that builds"
  done
fi
# A descriptor that a step sends to another ends with the step: its layer and tree do not change any more.
cat >gift.c <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
union Control { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; };
int main(int count, char **words) {
  struct sockaddr_un address = {AF_UNIX, {0}};
  char byte = 'x';
  struct iovec part = {&byte, 1};
  union Control control = {{0}};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  if (!strcmp(words[1], "keys")) return syscall(SYS_keyctl, 0, -3, 0) < 0 && errno == EPERM ? 0 : 1;
  strcpy(address.sun_path + 1, words[2]);
  const socklen_t size = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(words[2]);
  const int end = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  alarm(60);
  if (!strcmp(words[1], "send")) {
    const int root = open("/", O_RDONLY | O_DIRECTORY);
    while (connect(end, (struct sockaddr *)&address, size) != 0) usleep(10000);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS, header->cmsg_len = CMSG_LEN(sizeof root);
    memcpy(CMSG_DATA(header), &root, sizeof root);
    return sendmsg(end, &message, 0) == 1 ? 0 : 1;
  }
  if (bind(end, (struct sockaddr *)&address, size) != 0 || listen(end, 1) != 0) return 1;
  const int other = accept(end, 0, 0);
  if (recvmsg(other, &message, 0) != 1) return 1;
  int root;
  memcpy(&root, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof root);
  for (;;) {  // until the step that gave it has ended
    const int file = openat(root, "given", O_WRONLY | O_CREAT, 0644);
    if (file < 0) return errno == EROFS ? 0 : (perror("given"), 1);
    close(file);
    usleep(20000);
  }
}
C
cc -static -include stddef.h -o c/gift gift.c
cat >c/Gift <<D
FROM busybox AS l
COPY --chmod=755 gift /gift
FROM l AS receiver
RUN ["/gift", "receive", "cooper-gift-$(id -u)-$$"]
FROM l AS giver
RUN ["/gift", "send", "cooper-gift-$(id -u)-$$"]
FROM scratch
COPY --from=receiver /gift /1
COPY --from=giver /gift /2
D
build -f c/Gift c 2>/dev/null >/dev/null
printf 'FROM busybox\nCOPY --chmod=755 gift /gift\nRUN --security=insecure ["/gift", "keys"]\n' >c/Keys
build --allow security.insecure -f c/Keys c 2>/dev/null >/dev/null
cat >c/Forks <<'D'
FROM busybox
RUN i=0; while [ $i -lt 1000 ]; do sleep 60 & i=$((i+1)); done; echo ALL-FORKED
D
exits 1 cooper build --pull=false --network=host --progress=plain --ulimit nproc=50 -f c/Forks c
! grep -Eq '^#[0-9]+ [0-9.]+ ALL-FORKED' err || fail "a thousand processes under nproc=50"
contains "$(cat err)" "fork"
# A process of a step gives its file what stand-ins of cooper's trees say: nothing comes of it, whoever it is.
cat >setx.c <<'C'
#include <sys/xattr.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
int main(int count, char **words) {
  char text[4096];
  if (!strcmp(words[1], "copy")) {
    ssize_t size = getxattr(words[2], "user.cooper.override", text, sizeof text);
    if (size < 0) { perror(words[2]); return 0; }
    return setxattr(words[3], "user.cooper.override", text, size, 0) ? perror(words[3]), 1 : 0;
  }
  return setxattr(words[1], "user.cooper.override", words[2], strlen(words[2]), 0) ? perror(words[1]), 1 : 0;
}
C
cc -static -o c/setx setx.c
printf 'import io,tarfile\nt=tarfile.open("c/dev.tar","w")\ni=tarfile.TarInfo("null");i.type=tarfile.CHRTYPE;i.devmajor=1;i.devminor=3;i.mode=0o666\nt.addfile(i)\n' | python3 -
cat >c/Forge <<'D'
FROM busybox
COPY --chmod=755 setx /setx
ADD dev.tar /
RUN chmod 1777 /tmp || mkdir -m 1777 /tmp
USER 65534
RUN cp /bin/busybox /tmp/suid && /setx /tmp/suid 'mode=4755/755;uid=0/65534;owner=65534' && touch /tmp/odd && /setx /tmp/odd 'mode=what'
RUN touch /tmp/copied && chmod 666 /tmp/copied && /setx copy /null /tmp/copied
USER 0
RUN touch /tmp/roots && chmod 666 /tmp/roots && /setx copy /null /tmp/roots && chown 7:7 /null
D
build -o type=oci,dest=forge.tar -f c/Forge c 2>/dev/null
line() { grep "^$1 " <<<"$tree"; }
tree=$(tree_of forge.tar)
contains "$(line tmp/suid)" '"mode": 493,'
contains "$(line tmp/suid)" '"uid": 65534'
contains "$(line tmp/odd)" '"type": "file"'
contains "$(line tmp/copied)" '"type": "file"'
contains "$(line tmp/roots)" '"type": "char"'
contains "$(line null)" '"type": "char"'
contains "$(line null)" '"uid": 7'
nothing_left
# Ids of large installations (OpenShift's, directories') exist for steps of root; a user without them is told what helps.
cat >c/Large <<'D'
FROM busybox
RUN touch /f && chown 1000680000:3000000000 /f
USER 1000680000
RUN test "$(id -u)" = 1000680000
D
if [ "$ROLE" = root ]; then
  build -o type=oci,dest=large.tar -f c/Large c 2>/dev/null
  contains "$(tree_of large.tar | grep "^f ")" '"uid": 1000680000'
  contains "$(tree_of large.tar | grep "^f ")" '"gid": 3000000000'
else
  printf 'FROM busybox\nUSER 1000680000\nRUN true\n' >c/Large
  exits 3 cooper build --pull=false --network=host -f c/Large c
  contains "$(cat err)" "user 1000680000 is not among the ids"
  contains "$(cat err)" "larger range in /etc/subuid"
fi
nothing_left
