@echo off
setlocal
rem Your own settings, and the one command: double-click this file, or run webui-user.bat
rem It sets everything up the first time, then starts Easel on http://127.0.0.1:7860
set PYTHON=
set VENV_DIR=
set COMMANDLINE_ARGS=
rem set TORCH_INDEX_URL=https://download.pytorch.org/whl/cu126
rem set TORCH_COMMAND=pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu

set EASEL_PYTHON="%PYTHON%"
if not "%PYTHON%"=="" goto found
for %%v in (3.13 3.12 3.11) do py -%%v -c "" >nul 2>&1 && set EASEL_PYTHON=py -%%v&& goto found
set EASEL_PYTHON=python
:found
%EASEL_PYTHON% "%~dp0modules\setup.py" run %*
if errorlevel 1 pause
