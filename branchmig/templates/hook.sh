#!/bin/sh
# branchmig hook @VERSION@: @NAME@. 'branchmig hooks install' wrote it, 'branchmig hooks uninstall' takes it away.
# A hook that was here before is kept beside it, and runs first. Each block below checks one project.
kept=${0%/*}/@NAME@.before-branchmig
newline='
'
failed=0
@KEPT@
@BLOCKS@exit @EXIT@
