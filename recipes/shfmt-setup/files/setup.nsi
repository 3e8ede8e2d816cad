Unicode true
!define KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\shfmt"
Name "shfmt ${VERSION}"
OutFile "setup.exe"
InstallDir "$PROGRAMFILES64\shfmt"
RequestExecutionLevel admin
SetCompressor lzma
SetDateSave off
VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "shfmt"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "FileDescription" "shfmt setup"
VIAddVersionKey "CompanyName" "Muster Recipes"
VIAddVersionKey "LegalCopyright" "The shfmt authors"

Page directory
Page instfiles
UninstPage instfiles

Section
  SetRegView 64
  SetOutPath "$INSTDIR"
  File "shfmt.exe"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  WriteRegStr HKLM "${KEY}" "DisplayName" "shfmt"
  WriteRegStr HKLM "${KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${KEY}" "Publisher" "Muster Recipes"
  WriteRegStr HKLM "${KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKLM "${KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKLM "${KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
SectionEnd

Section "Uninstall"
  SetRegView 64
  Delete "$INSTDIR\shfmt.exe"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  DeleteRegKey HKLM "${KEY}"
SectionEnd
